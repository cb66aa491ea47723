//! Lesson 07 on the command line.

mod demo;
mod experiments;
mod kitchen;
mod load;
mod mounted;
mod stage;
mod verbs;

use std::process::ExitCode;

use cgroup_cpu::{CgroupFs, CgroupNamespace};
use clone_pid::{IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};
use mount_ns::{Dev, MountNamespace, Proc, Sys};
use overlay::flags::Flags;

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "layers: one root file system for a hundred boxes, and each may write to all of it",
        demo: demo::demo,
        run,
        verbs: &verbs::ALL,
        experiments: experiments::ALL,
    })
}

// ANCHOR: run
fn run(flags: Flags, command: Command) -> Result<u8> {
    let source = flags.source()?;
    let root = flags.root(source.layers())?;
    let names = flags.names(root.plain());
    source
        .container(&command.argv)?
        .with(PidNamespace)
        .with(flags.uts())
        .with(IpcNamespace)
        .with(flags.network()?)
        .with(flags.io())
        .with(flags.memory()?)
        .with(flags.cpu())
        .with(flags.account())
        .with(CgroupNamespace)
        .with(MountNamespace::private())
        .with(root)
        .with(Proc)
        .with(Dev::default())
        .with(Sys::default())
        .with(CgroupFs::default())
        .with(names)
        .with(flags.sysctls())
        .with(flags.volumes())
        .with(source.workdir(flags.workdir.as_deref()))
        .with(flags.oom_score())
        .with(source.user())
        .run(command.card)
}
// ANCHOR_END: run
