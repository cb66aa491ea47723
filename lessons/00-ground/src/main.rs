//! `doctor`, `inspect` and `clean`: what belongs to no lesson.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use colored::Colorize;
use ground::card::{self, Card};
use ground::host::picture::{self, Scope};
use ground::host::sweep;
use ground::lesson::Look;
use ground::proc::Process;
use ground::story::Face;
use ground::{Result, doctor, story};
use nix::unistd::Pid;

/// Look at this machine, at one process, and after what was left behind
#[derive(Parser)]
#[command(name = "00-ground")]
struct Cli {
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// What this machine can do, and the remedy for what it cannot
    Doctor,
    /// The isolation card of a process
    Inspect {
        /// Number of the process, as the host counts
        #[arg(value_parser = clap::value_parser!(i32).range(1..))]
        pid: i32,
    },
    /// Remove what a killed lesson left behind
    Clean,
    /// A picture of the host, to be compared with a later one
    #[command(hide = true)]
    Picture {
        /// Only what carries the kit's prefix
        #[arg(long)]
        ours: bool,
    },
    /// No experiments are here
    #[command(hide = true)]
    List {
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match perform(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("00-ground: {e}");
            ExitCode::from(e.status())
        }
    }
}

fn perform(cli: &Cli) -> Result<u8> {
    let json = cli.look.face(stdout().is_terminal()) == Face::Json;
    match cli.verb {
        Verb::Doctor => Ok(diagnose(json)),
        Verb::Inspect { pid } => inspect(&cli.look, Pid::from_raw(pid)),
        Verb::Clean => clean(json),
        Verb::Picture { ours } => {
            let scope = if ours { Scope::Ours } else { Scope::Whole };
            println!("{}", serde_json::json!(picture::take(scope)?));
            Ok(0)
        }
        Verb::List { .. } => {
            println!(
                "{}",
                serde_json::json!({"lesson": "00", "name": "ground", "experiments": []})
            );
            Ok(0)
        }
    }
}

fn diagnose(json: bool) -> u8 {
    let findings = doctor::examine();
    for finding in &findings {
        if json {
            println!("{}", serde_json::json!(finding));
            continue;
        }
        let mark = if finding.ok { "ok     ".green() } else { "missing".red() };
        println!("{mark} {:<20} {}", finding.id, finding.what);
        if let Some(remedy) = &finding.remedy {
            println!("        {} {remedy}", "remedy:".bold());
        }
    }
    0
}

fn inspect(look: &Look, pid: Pid) -> Result<u8> {
    card::host()?;
    let card = Card::of(&Process::of(pid))?;
    look.tell_on(stdout(), stdout().is_terminal());
    card.tell()?;
    story::stop();
    Ok(0)
}

fn clean(json: bool) -> Result<u8> {
    let swept = sweep::sweep()?;
    if json {
        let (removed, alive, failed) = (&swept.removed, &swept.alive, &swept.failed);
        println!("{}", serde_json::json!({"removed": removed, "alive": alive, "failed": failed}));
    } else {
        swept.removed.iter().for_each(|line| println!("removed {line}"));
        swept.alive.iter().for_each(|line| println!("left    {line}"));
        swept.failed.iter().for_each(|line| eprintln!("failed  {line}"));
        if swept.removed.is_empty() && swept.failed.is_empty() {
            println!("nothing to remove");
        }
    }
    Ok(u8::from(!swept.failed.is_empty()))
}
