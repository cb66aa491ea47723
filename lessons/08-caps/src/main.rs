//! Lesson 08 on the command line.

mod attack;
mod demo;
mod experiments;
mod order;
mod shared;
mod stage;

use std::ffi::OsString;
use std::process::ExitCode;

use caps::flags::Flags;
use cgroup_cpu::{CgroupFs, CgroupNamespace};
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};
use mount_ns::{MountNamespace, Proc};

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "taking power away: what root in a box may not do",
        demo: demo::demo,
        run,
        verbs: &[],
        experiments: experiments::ALL,
    })
}

// ANCHOR: run
fn run(flags: Flags, command: Command) -> Result<u8> {
    compose(&flags, &command.argv)?.run(command.card)
}

/// The parts list.
fn compose(flags: &Flags, argv: &[OsString]) -> Result<Container> {
    let source = flags.source()?;
    let root = flags.root(source.layers())?;
    let names = flags.names(root.plain());
    Ok(source
        .container(argv)?
        .with(flags.users.namespace()?)
        .with(PidNamespace)
        .with(flags.uts())
        .with(IpcNamespace)
        .with(flags.network()?)
        .with(flags.io())
        .with(flags.memory()?)
        .with(flags.cpu())
        .with(flags.account())
        .with(flags.devices()?)
        .with(CgroupNamespace)
        .with(MountNamespace::private())
        .with(flags.users.mapped_root(&root)?)
        .with(root)
        .with(Proc)
        .with(flags.users.dev())
        .with(flags.users.sys())
        .with(CgroupFs::default())
        .with(names)
        .with(flags.sysctls())
        .with(flags.users.volumes(&flags.volumes)?)
        .with(flags.tmpfs())
        .with(flags.nodes()?)
        .with(flags.writable_sys())
        .with(flags.masks())
        .with(flags.read_only_root())
        .with(source.workdir(flags.workdir.as_deref()))
        .with(flags.oom_score())
        .with(flags.rlimits())
        .with(flags.privileges(&source.user())?))
}
// ANCHOR_END: run
