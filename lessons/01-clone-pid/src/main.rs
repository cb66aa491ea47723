//! Lesson 01 on the command line.

mod demo;
mod experiments;

use std::process::ExitCode;

use clone_pid::flags::Flags;
use clone_pid::{Container, IpcNamespace, PidNamespace};
use ground::Result;
use ground::lesson::{Command, Lesson};

fn main() -> ExitCode {
    ground::lesson::main(Lesson {
        program: env!("CARGO_BIN_NAME"),
        title: "a process becomes PID 1",
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
        .run(command.card)
}
// ANCHOR_END: run
