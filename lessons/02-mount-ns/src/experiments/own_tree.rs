//! Two boxes, two trees: the same path, another file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clone_pid::beyond::Report;
use clone_pid::{Container, Created, Part, PidNamespace};
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::{Identity, Process};
use ground::rootfs::default_rootfs;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::{inode, path};
use mount_ns::{MountNamespace, mount_new};
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot};

use crate::stage;

pub const EXPERIMENT: Experiment = Experiment {
    name: "own-tree",
    title: "two boxes with different roots: each has a tree that the other cannot see",
    level: Level::Core,
    claims: &["C056"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step(
        "Each of two boxes mounts a tree of its own on the same directory, a /proc in it, and chroots there",
    );
    let (left, right) = (planted("left")?, planted("right")?);
    step("Compare their roots and tables from outside");
    let host = Process::this();
    let apart = [&left, &right].map(|created| created.child().process());
    let roots = [root(&host)?, root(&apart[0])?, root(&apart[1])?];
    let all_differ = roots[0] != roots[1] && roots[1] != roots[2] && roots[0] != roots[2];
    for process in &apart {
        stage::table_size(process)?;
    }
    let hidden = !stage::look(&host, &tree()?)?;

    step("Let both read /name and count the processes");
    let own = reads(left, "left")? && reads(right, "right")?;
    if all_differ && hidden && own {
        conclude(
            "one path, two files, and the host has neither: a tree belongs to a mount namespace",
        );
    }
    findings.because("given a new PID namespace too: a proc mount shows that of its mounter");
    findings.holds("C056", all_differ && hidden && own);
    Ok(())
}

fn tree() -> Result<PathBuf> {
    stage::directory("tree")
}

/// A box that has planted its tree and waits.
fn planted(name: &'static str) -> Result<Created> {
    let script = "cat /name; report";
    Container::new(&["/bin/bxw-probe", "script", script])?
        .capture()?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Planted { at: tree()?, rootfs: default_rootfs()?, name })
        .create()
}

fn root(process: &Process) -> Result<Identity> {
    let root = process.root()?;
    evidence(process.file("root"), inode(format_args!("{}:{}", root.dev, root.ino)));
    Ok(root)
}

/// Whether the box finds its own name, and itself alone.
fn reads(created: Created, name: &str) -> Result<bool> {
    let printed = created.start()?.output()?.text;
    let found = printed.lines().next().unwrap_or_default();
    box_evidence("/name", found);
    let report = Report::parse(&printed);
    let (processes, own) = stage::look_at_proc(&report)?;
    Ok(found == name && processes == 1 && own == "1")
}

/// An empty tree, into which the directories of the default root file system are bound. (What chroot does and does not
/// do is lesson 03.)
struct Planted {
    at: PathBuf,
    rootfs: PathBuf,
    name: &'static str,
}

impl Part for Planted {
    fn enter(&mut self) -> Result<()> {
        stage::mount_tmpfs(&self.at)?;
        self.bind_directories()?;
        let name = format!("{}\n", self.name);
        quietly("write the name").run(|| fs::write(self.at.join("name"), name))?;
        let shown = path(self.at.display());
        doing(format_args!("chroot {shown}"))
            .like_args(format_args!("chroot {shown}"))
            .run(|| chroot(&self.at).and_then(|()| chdir("/")))?;
        mount_new("proc", "/proc", MsFlags::empty(), "")
    }
}

impl Planted {
    fn bind_directories(&self) -> Result<()> {
        let entries = quietly("list the root file system").run(|| fs::read_dir(&self.rootfs))?;
        for from in entries.flatten().map(|entry| entry.path()) {
            let to = self.at.join(from.file_name().unwrap_or_default());
            quietly(format_args!("plant {}", path(to.display()))).run(|| plant(&from, &to))?;
        }
        Ok(())
    }
}

fn plant(from: &Path, to: &Path) -> std::io::Result<()> {
    let (none, flags) = (None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC);
    match fs::read_link(from) {
        Ok(target) => symlink(target, to),
        Err(_) if from.is_dir() => {
            fs::create_dir(to)?;
            Ok(mount(Some(from), to, none, flags, none)?)
        }
        Err(_) => Ok(()),
    }
}
