//! A namespace that outlives its processes, and how programs find it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{conclude, evidence, muted, step};
use ground::text::{inode, path};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use nix::unistd::Pid;
use veth::netlink::link;

use crate::stage::{Node, tell_link};

pub const EXPERIMENT: Experiment = Experiment {
    name: "persistent",
    title: "a bind mount keeps a namespace that has no process; who walks /proc does not find it",
    level: Level::Deep,
    claims: &["C147", "C148"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

/// A file on which a namespace is mounted.
pub struct Pinned(pub PathBuf);

impl Pinned {
    fn of(process: Pid) -> Result<Pinned> {
        let (source, file) = (format!("/proc/{process}/ns/net"), run_dir()?.join("named"));
        quietly(format_args!("make {}", file.display())).run(|| File::create(&file))?;
        let pinned = Pinned(file);
        let (none, shown) = (None::<&str>, path(pinned.0.display()));
        let told = Process::of(process).file("ns/net");
        doing(format_args!("mount {told} on {shown} MS_BIND"))
            .like_args(format_args!("mount --bind {told} {shown}"))
            .run(|| mount(Some(source.as_str()), &pinned.0, none, MsFlags::MS_BIND, none))?;
        Ok(pinned)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // What cannot be removed now is found by `clean`.
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
        let _ = fs::remove_file(&self.0);
    }
}

/// The network namespaces that processes are in, as `lsns -t net` finds them.
fn in_proc() -> Result<Vec<u64>> {
    let entries = quietly("read /proc").run(|| fs::read_dir("/proc"))?;
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let inode = |number: i32| fs::metadata(format!("/proc/{}/ns/net", Pid::from_raw(number))).ok();
    Ok(numbers.filter_map(inode).map(|file| file.ino()).collect())
}

fn tell_whether_found(number: u64) -> Result<bool> {
    let found = in_proc()?.contains(&number);
    evidence("/proc/*/ns/net, that inode", if found { "found" } else { "not found" });
    Ok(found)
}

fn run(findings: &mut Findings) -> Result<()> {
    step("A process in a network namespace of its own, with a link in it to know it by");
    let node = muted(|| Node::new("box"))?;
    node.perform(link::add("mark", link::Kind::Bridge, link::Namespace::Here))?;
    let number = node.inode()?;
    let process = node.start("sleep 60")?;
    let file = process.child().process().file("ns/net");
    evidence(&file, inode(number));
    let listed = tell_whether_found(number)?;
    let joined = muted(|| Node::of("box", process.child().pid())?.link("mark")).is_ok();

    step("Mount that file on another one, kill the process, and close what the lesson had of it");
    let pinned = Pinned::of(process.child().pid())?;
    muted(|| process.kill())?;
    drop(node);
    let unlisted = !tell_whether_found(number)?;

    step("Open the other file, and join what it is");
    let kind = quietly("statfs").run(|| statfs(&pinned.0))?.filesystem_type();
    let kept = Node::at("box", &pinned.0)?;
    evidence("statfs, type", if kind == NSFS_MAGIC { "nsfs" } else { "not nsfs" });
    evidence(format!("{}, inode", path(pinned.0.display())), inode(kept.inode()?));
    let same = kept.inode()? == number && tell_link(&kept, "mark").is_ok();
    if same && unlisted {
        conclude(
            "the same namespace, without a process. A mount keeps it as an open file does; lsns walks /proc and does not know of it",
        );
    }
    findings.because("a namespace that only a mount keeps is in no /proc/PID/ns");
    findings.holds("C147", same && kind == NSFS_MAGIC);
    findings.partly("C148", listed && joined, unlisted);
    Ok(())
}
