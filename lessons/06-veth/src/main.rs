//! Lesson 06 on the command line.

mod broken;
mod demo;
mod experiments;
mod stage;

use std::process::ExitCode;

use cgroup_cpu::{CgroupFs, CgroupNamespace};
use chroot::flags::PATH;
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};
use mount_ns::{Dev, MountNamespace, Proc, Sys};
use veth::flags::Flags;

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "a cable into an empty network: veth, bridge, NAT, published ports",
        demo: demo::demo,
        run,
        verbs: &[veth::beyond::topology::VERB, broken::VERB],
        experiments: experiments::ALL,
    })
}

// ANCHOR: run
fn run(flags: Flags, command: Command) -> Result<u8> {
    let root = flags.rootfs()?;
    let names = flags.names(Some(root.path().into()));
    Container::new(&command.argv)?
        .env("PATH", PATH)?
        .with(PidNamespace)
        .with(flags.uts())
        .with(IpcNamespace)
        .with(flags.network()?)
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
        .with(flags.workdir())
        .with(flags.oom_score())
        .run(command.card)
}
// ANCHOR_END: run
