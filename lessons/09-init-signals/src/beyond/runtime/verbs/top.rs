//! `top`: the processes of a box.

use clap::{ArgMatches, Parser};
use ground::Result;
use ground::proc::{self, Process, ns::Namespace};
use nix::unistd::Pid;

use super::{arguments, table};
use crate::beyond::runtime::store::Store;

/// List the processes of a box
#[derive(Parser)]
#[command(name = "top")]
pub(super) struct Top {
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Top { boxed } = arguments(matches)?;
    let boxed = Store::open()?.find(&boxed)?;
    let state = boxed.look()?;
    let first = boxed.first(&state)?;
    let home = first.process().namespace(Namespace::Pid)?;
    let at_home =
        |pid: &Pid| Process::of(*pid).namespace(Namespace::Pid).is_ok_and(|ns| ns == home);
    let head = ["UID", "PID", "PPID", "PID IN BOX", "STATE", "TIME", "COMMAND"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    rows.extend(proc::all()?.into_iter().filter(at_home).filter_map(row));
    table(&rows)?;
    Ok(0)
}

/// One that has just ended has no row.
fn row(pid: Pid) -> Option<Vec<String>> {
    let status = Process::of(pid).status().ok()?;
    let (uid, inside) = (status.uid.first()?, status.nspid.last()?);
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = words.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let command = match words.join(" ").trim() {
        "" => format!("[{}]", status.name),
        line => line.escape_debug().to_string(),
    };
    let numbers = [uid.to_string(), pid.to_string(), status.ppid.to_string(), inside.to_string()];
    let rest = [status.state.to_string(), time(pid)?, command];
    Some(numbers.into_iter().chain(rest).collect())
}

/// CPU time, user's and system's: fields 14 and 15 of `/proc/PID/stat`.
fn time(pid: Pid) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat[stat.rfind(')')?..].split_whitespace().collect();
    let ticks: u64 = fields.get(12)?.parse::<u64>().ok()? + fields.get(13)?.parse::<u64>().ok()?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()?? as u64;
    let seconds = ticks / per_second;
    Some(format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60))
}
