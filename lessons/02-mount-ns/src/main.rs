//! Lesson 02 on the command line.

mod demo;
mod experiments;
mod stage;

use std::process::ExitCode;

use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};
use mount_ns::flags::Flags;
use mount_ns::{Dev, MountNamespace, Proc, Sys};

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "a mount table of its own, and an honest /proc",
        demo: demo::demo,
        run,
        verbs: &[],
        experiments: experiments::ALL,
    })
}

// ANCHOR: run
fn run(flags: Flags, command: Command) -> Result<u8> {
    Container::new(&command.argv)?
        .with(PidNamespace)
        .with(flags.uts())
        .with(IpcNamespace)
        .with(MountNamespace::private())
        .with(Proc)
        .with(Dev::default())
        .with(Sys::default())
        .with(flags.volumes())
        .run(command.card)
}
// ANCHOR_END: run
