//! The boxes of demo and experiments: a root file system of one program, and something outside to escape to.

use std::fs;
use std::path::{Path, PathBuf};

use chroot::{Jail, Rootfs};
use clone_pid::{Child, Container, Part, PidNamespace, Running};
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::run_dir;
use ground::rootfs::probe_files;
use ground::text::path;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::sys;
use mount_ns::{MountNamespace, Proc};

/// The probe, in a [`Scratch`] root.
pub const PROBE: &str = "/bxw-probe";

/// A root file system that is there as long as its box: a tmpfs over an empty directory of the host, seen by nobody else.
pub struct Scratch {
    at: PathBuf,
    flags: MsFlags,
    files: Vec<(PathBuf, PathBuf)>,
}

impl Scratch {
    /// Will stand at `at`.
    pub fn new(at: &Path) -> Scratch {
        Scratch { at: at.into(), flags: MsFlags::empty(), files: Vec::new() }
    }

    /// With these options of its mount.
    pub fn flags(self, flags: MsFlags) -> Scratch {
        Scratch { flags, ..self }
    }

    fn fill(&self) -> std::io::Result<()> {
        fs::create_dir(self.at.join("proc"))?;
        self.files.iter().try_for_each(|(at, source)| {
            let at = self.at.join(at);
            fs::create_dir_all(at.parent().unwrap_or(&self.at))?;
            fs::copy(source, at).map(drop)
        })
    }
}

impl Part for Scratch {
    fn prepare(&mut self) -> Result<()> {
        self.files = probe_files()?;
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        let (at, none) = (path(self.at.display()), None::<&str>);
        doing(format_args!("mount tmpfs on {at}"))
            .like_args(format_args!("mount -t tmpfs tmpfs {at}"))
            .run(|| mount(Some("tmpfs"), &self.at, Some("tmpfs"), self.flags, none))?;
        quietly(format_args!("copy the probe to {at}")).run(|| self.fill())
    }
}

/// Gives up a capability for good, with every command after it. Lesson 08 does that for all of them.
pub struct Without(pub u32, pub &'static str);

impl Part for Without {
    fn seal(&mut self) -> Result<()> {
        let Without(number, name) = *self;
        doing(format_args!("prctl PR_CAPBSET_DROP {name}"))
            .like_args(format_args!("capsh --drop={} -- -c COMMAND", name.to_lowercase()))
            .run(|| sys::drop_from_bounding_set(number))
    }
}

/// The empty directory of the host that the roots stand at.
pub fn place() -> Result<PathBuf> {
    let place = run_dir()?.join("root");
    quietly(format_args!("make directory {}", place.display())).run(|| {
        match fs::create_dir(&place) {
            Err(e) if e.raw_os_error() == Some(Errno::EEXIST as i32) => Ok(()),
            other => other,
        }
    })?;
    Ok(place)
}

/// What jails are compared by: namespaces, a scratch root, and the part that makes it `/`; [`PROBE`] runs in it.
pub fn boxed(root: impl Part + 'static, verb: &[&str]) -> Result<Container> {
    Container::new(&[&[PROBE], verb].concat())?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Scratch::new(&place()?))
        .with(root)
        .with(Proc)
        .capture()
}

/// The old way.
pub fn jail(verb: &[&str]) -> Result<Container> {
    boxed(Jail(place()?), verb)
}

/// The way of containers.
pub fn pivoted(verb: &[&str]) -> Result<Container> {
    boxed(Rootfs::new(place()?), verb)
}

/// A guest in the mount namespace of `child` and in no other, as exec joins it. `program` is the probe, where it is in
/// the root of that namespace.
pub fn guest(child: &Child, program: &str) -> Result<Running> {
    let guest = Container::new(&[program, "sleep", "60"])?;
    guest.with(MountNamespace::private()).join(child)
}
