//! `cargo xtask trace`: records every system call of one `run -d`, from the first to the last, for the book's closing
//! chapter. What is recorded is one line for each call, without descriptors, addresses and numbers that differ from run to
//! run; the first lines of the file say what the columns are.

mod phases;
mod strace;

use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};

use crate::bench::{Stage, root_only};
use crate::failure::{Context, Failure, Result};
use crate::{process, sys, workspace};
use phases::{PHASES, Phases};

const HEAD: &str = "\
# Every system call of one `run -d --rm … /bin/true` of lesson 09, in order: recorded by `cargo xtask trace`.
# us      µs between the first call and this one. strace stops a process twice in each call: all is several times slower
#         than it would be alone.
# process runtime: the command that was typed; monitor: the parent of the box; box: its first process.
# phase   what the call is good for, see xtask/src/trace/phases.rs.
# call    its name.
# about   a path, a flag or a text among its arguments.
us\tprocess\tphase\tcall\tabout
";

/// Records into `book/trace.tsv`.
pub fn trace() -> Result<()> {
    root_only("a whole run is traced")?;
    if Command::new("strace").arg("-V").output().is_err() {
        return Err(Failure::unusable("strace is not installed: apt install strace"));
    }
    sys::outlive_interrupts();
    let stage = Stage::ours()?;
    let file = workspace::root().join("book/trace.tsv");
    let text = recorded(&stage)?;
    fs::write(&file, &text).doing("write", &file)?;
    println!("{}: {} calls", workspace::shown(&file), text.lines().count() - HEAD.lines().count());
    Ok(())
}

fn recorded(stage: &Stage) -> Result<String> {
    let raw = stage.home.work().join("strace");
    let traced = stage.run_detached(&stage.runtimes[0])?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-ttt", "-s", "200", "-o"]).arg(&raw);
    strace.arg(traced.get_program()).args(traced.get_args());
    // The working directory is among what a box's record holds.
    strace.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    process::succeed(process::status(&mut strace)?)?;
    let text = fs::read_to_string(&raw).doing("read", &raw)?;
    let root = stage.home.root().display().to_string();
    table(strace::calls(&text, &root))
}

fn table(calls: Vec<strace::Call>) -> Result<String> {
    let mut phases = Phases::default();
    let mut text = HEAD.to_owned();
    let mut seen = Vec::new();
    for call in calls {
        let phase = phases.of(&call);
        seen.push(phase);
        // A String takes everything.
        let _ = writeln!(
            text,
            "{}\t{}\t{phase}\t{}\t{}",
            call.us,
            call.process.word(),
            call.name,
            call.about
        );
    }
    let missing: Vec<&str> = PHASES.into_iter().filter(|phase| !seen.contains(phase)).collect();
    match missing.is_empty() {
        true => Ok(text),
        false => Err(Failure::failed(format!(
            "the trace shows nothing of: {}; see xtask/src/trace/phases.rs",
            missing.join(", ")
        ))),
    }
}
