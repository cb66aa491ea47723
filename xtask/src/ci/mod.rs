//! `cargo xtask ci`: what continuous integration checks beyond `cargo xtask test`, which has run
//! before. Needs rustfmt, clippy and git.

mod picture;
mod removals;
mod soak;

use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::failure::{Failure, Result};
use crate::test::Record;
use crate::{artifacts, process, tidy};

/// The arguments of `ci`.
#[derive(Debug, Args)]
pub struct CiArgs {
    /// Run this part alone; may be given several times
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How often the snapshot tests run in a row; the hygiene tests run a tenth as often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    soak: u32,
}

/// A part of `ci`, in the order they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// cargo fmt --check
    Fmt,
    /// cargo clippy without a warning
    Clippy,
    /// The repository's rules
    Tidy,
    /// Every experiment and test ran in some world, or is declared
    Skips,
    /// Each removal patch makes its test fail
    Removals,
    /// The same snapshots, again and again; crowds of boxes in full size (BXW_SOAK=5: five times that)
    Soak,
    /// All demos and experiments leave the host as it was
    Picture,
}

/// Runs the parts, all of them even when one fails, and ends with the last test run's summary.
pub fn ci(args: &CiArgs) -> Result<()> {
    let wanted = |part: &&Part| args.only.is_empty() || args.only.contains(part);
    let mut failed = Vec::new();
    for part in Part::value_variants().iter().filter(wanted) {
        let name = part.to_possible_value().map(|value| value.get_name().to_owned());
        let name = name.unwrap_or_default();
        println!("\n== {name}");
        let start = Instant::now();
        let result = part.run(args);
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("== {name}: ok ({seconds:.1} s)"),
            Err(failure) => {
                println!("== {name}: FAILED ({seconds:.1} s) {failure}");
                failed.push(name);
            }
        }
    }
    if let Ok(record) = Record::load() {
        print!("{}", record.report());
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::failed(failed.join(", ") + " failed")) }
}

impl Part {
    fn run(self, args: &CiArgs) -> Result<()> {
        match self {
            Part::Fmt => cargo("fmt", &["--all", "--check"]),
            Part::Clippy => cargo(
                "clippy",
                &[
                    "--workspace",
                    "--all-targets",
                    // Not all: an init without the standard library cannot be a host's test target.
                    "--features",
                    "book/render",
                    "--quiet",
                    "--",
                    "-D",
                    "warnings",
                ],
            ),
            Part::Tidy => tidy::tidy(),
            Part::Skips => Record::load()?.deny_undeclared_skips(),
            Part::Removals => removals::removals(),
            Part::Soak => soak::soak(args.soak),
            Part::Picture => picture::picture(),
        }
    }
}

fn cargo(subcommand: &str, args: &[&str]) -> Result<()> {
    process::succeed(process::status(artifacts::cargo(subcommand).args(args))?)
}
