//! Lesson 03 on the command line.

mod attack;
mod boxes;
mod demo;
mod experiments;
mod sys;

use std::process::ExitCode;

use chroot::flags::{Flags, PATH};
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};
use mount_ns::{Dev, MountNamespace, Proc, Sys};

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "a root of its own, and two ways out of the wrong one",
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
        .with(MountNamespace::private())
        .with(flags.rootfs()?)
        .with(Proc)
        .with(Dev::default())
        .with(Sys::default())
        .with(flags.volumes())
        .with(flags.workdir())
        .run(command.card)
}
// ANCHOR_END: run
