//! Lesson 05 on the command line.

mod demo;
mod experiments;
mod stage;

use std::process::ExitCode;

use cgroup_cpu::{CgroupFs, CgroupNamespace};
use chroot::flags::PATH;
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};
use memory_oom::flags::Flags;
use mount_ns::{Dev, MountNamespace, Proc, Sys};

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "so much memory and not a page more: who counts, and who dies",
        demo: demo::demo,
        run,
        verbs: &[],
        experiments: experiments::ALL,
    })
}

// ANCHOR: run
fn run(flags: Flags, command: Command) -> Result<u8> {
    Container::new(&command.argv)?
        .env("PATH", PATH)?
        .with(PidNamespace)
        .with(flags.uts())
        .with(IpcNamespace)
        .with(flags.memory()?)
        .with(flags.cpu())
        .with(flags.account())
        .with(CgroupNamespace)
        .with(MountNamespace::private())
        .with(flags.rootfs()?)
        .with(Proc)
        .with(Dev::default())
        .with(Sys::default())
        .with(CgroupFs::default())
        .with(flags.volumes())
        .with(flags.workdir())
        .with(flags.oom_score())
        .run(command.card)
}
// ANCHOR_END: run
