//! `cargo xtask`: build, elevate, run. A task runner and nothing more: it depends on no lesson,
//! and what it knows about one it asks the lesson's binary.
//!
//! | command | where |
//! | --- | --- |
//! | `run lesson NN` | [`run`]: find the lesson ([`lessons`]), build it ([`artifacts`]), become it ([`elevate`]) |
//! | `list` | [`list`], from what each lesson says of itself ([`contents`]) |
//! | `doctor`, `inspect`, `top`, `clean` | [`host`]: commands of the binary `00-ground` |
//! | `test` | [`mod@test`] |
//! | `vm` | [`vm`]: `run`, `test` and `doctor` in a machine of QEMU's |
//! | `snap` | [`snap`]: record what lessons print |
//! | `tidy` | [`tidy`]: the repository's rules |
//! | `book` | [`book`] |
//! | `bench` | [`bench`]: what a start costs, beside other runtimes |
//! | `trace` | [`trace`]: every system call of one run, for the book |
//! | `ci` | [`ci`]: what only continuous integration runs |
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod artifacts;
mod bench;
mod book;
mod ci;
mod contents;
mod elevate;
mod failure;
mod host;
mod lessons;
mod list;
mod process;
mod run;
mod snap;
mod sys;
mod table;
mod test;
mod tidy;
mod trace;
mod vm;
mod workspace;

use std::panic;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Result;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Boxwright's task runner")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a lesson: cargo xtask run lesson 01
    #[command(subcommand)]
    Run(run::Runnable),
    /// List lessons and experiments, the claims they show and what they need
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Say what this machine offers to the lessons, and how to get the rest
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show how a process is isolated from the host
    Inspect {
        /// The process, as the host numbers it
        pid: u32,
        /// Tell what it could do instead of what contains it
        #[arg(long)]
        powers: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what the host, each running box and any process use, side by side
    Top {
        /// Processes, as the host numbers them
        pids: Vec<u32>,
        /// One table, also on a terminal
        #[arg(long)]
        once: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove what killed lessons have left on the host
    Clean {
        /// Only what boxes without root have left
        #[arg(long)]
        rootless: bool,
    },
    /// Run all tests and end with what passed, failed and was skipped
    Test(test::TestArgs),
    /// Run lessons, tests or a command in a virtual machine with cgroup v2
    Vm(vm::VmArgs),
    /// Record what the lessons print into tests/snapshots
    Snap {
        /// Record nothing; fail if anything differs
        #[arg(long)]
        check: bool,
    },
    /// Check the repository's own rules
    Tidy,
    /// Build the book
    Book {
        /// Serve it and rebuild on changes
        #[arg(long)]
        serve: bool,
        /// Open it in a browser
        #[arg(long, conflicts_with = "serve")]
        open: bool,
    },
    /// Measure what containers cost, beside crun, runc and bubblewrap
    Bench(bench::BenchArgs),
    /// Record the system calls of one run into book/trace.tsv, which the book draws
    Trace,
    /// Run what continuous integration checks beyond the tests
    Ci(ci::CiArgs),
}

fn main() -> ExitCode {
    sys::restore_sigpipe();
    say_in_one_line_that_output_is_lost();
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_silent() {
                eprintln!("xtask: {failure}");
            }
            failure.exit_code()
        }
    }
}

/// `println!` panics when nothing can be written, on a full disk say: that is a failure like another.
fn say_in_one_line_that_output_is_lost() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| match info.payload().downcast_ref::<String>() {
        Some(text) if text.starts_with("failed printing to") => {
            eprintln!("xtask: {text}");
            std::process::exit(1);
        }
        _ => usual(info),
    }));
}

fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Run(what) => run::run(what),
        Command::List { json } => list::list(json),
        Command::Doctor { json } => host::doctor(json),
        Command::Inspect { pid, powers, json } => host::inspect(pid, powers, json),
        Command::Top { pids, once, json } => host::top(&pids, once, json),
        Command::Clean { rootless } => host::clean(rootless),
        Command::Test(args) => test::test(&args),
        Command::Vm(args) => vm::vm(args),
        Command::Snap { check } => snap::snap(check),
        Command::Tidy => tidy::tidy(),
        Command::Book { serve, open } => book::book(serve, open),
        Command::Bench(args) => bench::bench(&args),
        Command::Trace => trace::trace(),
        Command::Ci(args) => ci::ci(&args),
    }
}
