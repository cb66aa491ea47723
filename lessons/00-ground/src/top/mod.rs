//! `top`: what the host, the processes of a box and the group of a box use, side by side. Files of the kernel only.
//!
//! The three are not the same number. A group counts what its processes have used and are charged, those that ended and the
//! page cache included; processes count what they have mapped, shared pages once for each; the host counts everybody.

mod group;
mod look;
mod read;
mod table;

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::error::Result;
use crate::{interrupt, sys};
use look::{Look, Rates};

/// How long between two looks, of which CPU time is the difference.
const BETWEEN: Duration = Duration::from_millis(500);
const LIVE: Duration = Duration::from_secs(1);

/// One table: what was used in half a second.
///
/// # Errors
/// When one of the processes is not there.
pub fn once(pids: &[Pid]) -> Result<String> {
    let rates = measure(pids)?;
    Ok(table::lines(&rates).join("\n") + "\n")
}

/// The same as one JSON object.
///
/// # Errors
/// When one of the processes is not there.
pub fn as_json(pids: &[Pid]) -> Result<Value> {
    let rates = measure(pids)?;
    let usage = |usage: &look::Used| json!({"cpu_percent": usage.cpu, "memory_bytes": usage.memory, "tasks": usage.tasks});
    let boxes: Vec<Value> = rates
        .boxes
        .iter()
        .map(|one| {
            json!({"name": one.name, "pids": one.pids, "processes": usage(&one.processes),
                   "group": usage(&one.group), "limit": usage(&one.limit)})
        })
        .collect();
    Ok(json!({"host": usage(&rates.host), "machine": usage(&rates.machine), "boxes": boxes}))
}

fn measure(pids: &[Pid]) -> Result<Rates> {
    let before = Look::take(pids)?;
    interrupt::sleep(BETWEEN);
    Ok(Look::take(pids)?.since(&before))
}

/// Draws the table on a terminal, over the one before, until a signal ends it.
///
/// # Errors
/// When one of the processes is not there, or has ended.
pub fn live(pids: &[Pid], out: &mut (impl Write + AsRawFd)) -> Result<io::Result<()>> {
    let mut before = Look::take(pids)?;
    let (mut standing, mut wait) = (0, BETWEEN);
    loop {
        interrupt::sleep(wait);
        wait = LIVE;
        let now = Look::take(pids)?;
        let (columns, rows) = sys::window(out.as_raw_fd()).unwrap_or((80, 24));
        let lines = fitting(table::lines(&now.since(&before)), columns, rows);
        if let Err(e) = draw(out, &lines, standing) {
            return Ok(Err(e));
        }
        (before, standing) = (now, lines.len());
    }
}

/// One line less than the terminal has: the cursor stands in the last.
fn fitting(mut lines: Vec<String>, columns: usize, rows: usize) -> Vec<String> {
    let room = rows.saturating_sub(1).max(1);
    if lines.len() > room {
        lines.truncate(room - 1);
        lines.push("… and more: --once shows all".to_string());
    }
    lines.iter().map(|line| line.chars().take(columns).collect()).collect()
}

/// In one write, each line erased behind its text, so that nothing flickers.
fn draw(out: &mut impl Write, lines: &[String], standing: usize) -> io::Result<()> {
    let up = if standing > 0 { format!("\x1b[{standing}A") } else { String::new() };
    let text: String = lines.iter().map(|line| format!("{line}\x1b[K\n")).collect();
    out.write_all(format!("\r{up}{text}\x1b[J").as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_never_leaves_the_terminal() {
        let lines = || (0..30).map(|i| format!("{i} {}", "x".repeat(90))).collect();
        let shown = fitting(lines(), 40, 10);
        assert_eq!(shown.len(), 9);
        assert!(shown.iter().all(|line| line.chars().count() <= 40));
        assert!(shown[8].starts_with("… and more"));
        assert_eq!(fitting(lines(), 200, 31).len(), 30);
    }
}
