//! Into a network namespace that is there already: another box's, as the containers of a pod have it, or one with a name.

use std::fs::File;
use std::path::PathBuf;

use clone_pid::{Child, Part};
use ground::call::{doing, quietly};
use ground::needs::in_initial_user_namespace;
use ground::text::path;
use ground::{Error, Result, host, proc};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;

use super::named;

/// Whose namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A box, by the number of a process in it or the name of its run.
    Box(String),
    /// A file that means the namespace.
    File(PathBuf),
}

impl Target {
    /// One that `ip netns` lists.
    pub fn named(name: &str) -> Result<Target> {
        named::path(name).map(Target::File)
    }

    /// Where the run that made the box keeps its files, if it is one of ours: the box says its name in its environment.
    pub fn run_dir(&self) -> Result<Option<PathBuf>> {
        let Target::Box(whose) = self else { return Ok(None) };
        let pid = process(whose)?;
        let environment = environment(pid);
        let mut words = environment.split(|byte| *byte == 0);
        let name = words.find_map(|word| word.strip_prefix(b"container="));
        name.and_then(|name| std::str::from_utf8(name).ok()).map_or(Ok(None), host::dir_of)
    }

    fn open(&self) -> Result<File> {
        let at = match self {
            Target::File(at) => at.clone(),
            Target::Box(whose) => format!("/proc/{}/ns/net", process(whose)?).into(),
        };
        quietly(format_args!("open {}", path(at.display())))
            .hint(Errno::ENOENT, "there is no such network; for names, ip netns list shows them")
            .run(|| File::open(&at))
    }
}

/// The first process of a box, which carries the name of its run in its environment.
fn process(whose: &str) -> Result<Pid> {
    if let Some(number) = whose.parse().ok().filter(|number| *number > 0) {
        return Ok(Pid::from_raw(number));
    }
    let entry = format!("container={whose}");
    let carries =
        |pid: &Pid| environment(*pid).split(|byte| *byte == 0).any(|word| word == entry.as_bytes());
    proc::all()?.into_iter().find(carries).ok_or_else(|| {
        Error::usage(format!("no box of the name {whose} is running"))
            .remedy("give the number of a process in it")
    })
}

fn environment(pid: Pid) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

/// The namespace of somebody else. A clone inherits its parent's: so the parent goes there, clones, and comes back.
pub struct Joined {
    target: Target,
    home: Option<File>,
}

impl Joined {
    /// Nothing is looked at yet.
    pub fn new(target: Target) -> Joined {
        Joined { target, home: None }
    }

    fn come_back(&mut self) -> Result<()> {
        let Some(home) = self.home.take() else { return Ok(()) };
        quietly("setns CLONE_NEWNET, back").run(|| match setns(home, CloneFlags::CLONE_NEWNET) {
            // Root of a user namespace has no say over the network it comes from, and wants nothing of it either.
            Err(Errno::EPERM) if !in_initial_user_namespace() => Ok(()),
            other => other,
        })
    }
}

impl Part for Joined {
    /// Asked by run, after `prepare`: nothing new is wanted, the parent is there already. Asked by exec, without it: the
    /// guest must join.
    fn namespaces(&self) -> CloneFlags {
        match self.home {
            Some(_) => CloneFlags::empty(),
            None => CloneFlags::CLONE_NEWNET,
        }
    }

    fn prepare(&mut self) -> Result<()> {
        let target = self.target.open()?;
        let own = "/proc/self/ns/net";
        let home = quietly(format_args!("open {own}")).run(|| File::open(own))?;
        doing("setns CLONE_NEWNET: what is cloned here is born here")
            .like("nsenter --net=… COMMAND")
            .hint(Errno::EINVAL, "that is no network namespace; remove the file, ip netns del NAME")
            .run(|| setns(target, CloneFlags::CLONE_NEWNET))?;
        self.home = Some(home);
        Ok(())
    }

    fn attach(&mut self, _child: &Child) -> Result<()> {
        self.come_back()
    }

    fn release(&mut self) -> Result<()> {
        self.come_back()
    }
}
