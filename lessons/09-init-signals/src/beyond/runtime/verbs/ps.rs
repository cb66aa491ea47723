//! `ps`: which boxes there are, and how they go.

use clap::{ArgMatches, Parser};
use ground::{Error, Result};
use serde_json::json;

use super::{arguments, say, table};
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::record::{State, Status};
use crate::beyond::runtime::store::Store;
use crate::beyond::runtime::when::{age, rfc3339, since};

/// List boxes: those that run, or all
#[derive(Parser)]
#[command(name = "ps")]
pub(super) struct Ps {
    /// Those that do not run, too
    #[arg(short, long)]
    all: bool,
    /// Only IDs
    #[arg(short, long)]
    quiet: bool,
    /// Whole IDs and commands
    #[arg(long)]
    no_trunc: bool,
    /// json: one object a line
    #[arg(long, value_parser = ["table", "json"], default_value = "table")]
    format: String,
    /// Only those with name=, id=, status=, label=, exited=
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = filter)]
    filter: Vec<(String, String)>,
}

const KEYS: [&str; 5] = ["name", "id", "status", "label", "exited"];

fn filter(word: &str) -> Result<(String, String)> {
    match word.split_once('=') {
        Some((key, value)) if KEYS.contains(&key) => Ok((key.to_string(), value.to_string())),
        _ => Err(Error::usage("name=, id=, status=, label= or exited=, and a value")),
    }
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let ps: Ps = arguments(matches)?;
    let asks_status = ps.filter.iter().any(|(key, _)| key == "status" || key == "exited");
    let mut boxes = Vec::new();
    let store = Store::open()?;
    for boxed in store.boxes()? {
        // Who was removed in between is no longer there.
        let Ok(state) = boxed.look() else { continue };
        if boxed.spec.auto_remove && state.status == Status::Exited {
            // Whoever should have removed it was killed. On a read-only disk it is passed over all the same.
            let _ = store.remove(&boxed);
            continue;
        }
        let shown = ps.all || asks_status || state.status.lives();
        if shown && ps.filter.iter().all(|(key, value)| fits(&boxed, &state, key, value)) {
            boxes.push((boxed, state));
        }
    }
    boxes.reverse();
    match (ps.quiet, &ps.format[..]) {
        (true, _) => boxes.iter().try_for_each(|(boxed, _)| say(id(&ps, boxed)))?,
        (_, "json") => boxes.iter().try_for_each(|(boxed, state)| say(object(boxed, state)))?,
        _ => show(&ps, &boxes)?,
    }
    Ok(0)
}

fn fits(boxed: &Boxed, state: &State, key: &str, value: &str) -> bool {
    match key {
        "name" => boxed.spec.name.contains(value),
        "id" => boxed.spec.id.starts_with(value),
        "status" => state.status.word() == value,
        "exited" => state.code.is_some_and(|code| code.to_string() == value),
        _ => boxed.spec.labels.iter().any(|(name, label)| match value.split_once('=') {
            Some((wanted, with)) => name == wanted && label == with,
            None => name == value,
        }),
    }
}

fn show(ps: &Ps, boxes: &[(Boxed, State)]) -> Result<()> {
    let head = ["BOX ID", "COMMAND", "CREATED", "STATUS", "NAMES"].map(str::to_string).to_vec();
    let row = |(boxed, state): &(Boxed, State)| {
        let created = format!("{} ago", since(boxed.spec.created));
        let command = format!("\"{}\"", shorten(&boxed.spec.command_line(), ps.no_trunc));
        vec![id(ps, boxed), command, created, status(state), boxed.spec.name.clone()]
    };
    table(&std::iter::once(head).chain(boxes.iter().map(row)).collect::<Vec<_>>())
}

fn id(ps: &Ps, boxed: &Boxed) -> String {
    if ps.no_trunc { boxed.spec.id.clone() } else { boxed.short().to_string() }
}

/// On one line, and not the whole of it.
fn shorten(text: &str, whole: bool) -> String {
    let line: String = text
        .chars()
        .flat_map(|c| match c.is_control() {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect();
    match whole || line.chars().count() <= 20 {
        true => line,
        false => line.chars().take(19).chain(['…']).collect(),
    }
}

/// `Up 3 minutes`, `Exited (137) 2 hours ago`.
pub(super) fn status(state: &State) -> String {
    let code = state.code.map_or("unknown".to_string(), |code| code.to_string());
    let up = || age(state.ticks).filter(|_| state.ticks > 0).unwrap_or(since(state.started));
    match state.status {
        Status::Created => "Created".to_string(),
        Status::Running => format!("Up {}", up()),
        Status::Paused => format!("Up {} (Paused)", up()),
        Status::Restarting => format!("Restarting ({code}) {} ago", since(state.finished)),
        Status::Exited => format!("Exited ({code}) {} ago", since(state.finished)),
    }
}

fn object(boxed: &Boxed, state: &State) -> serde_json::Value {
    let labels: Vec<String> =
        boxed.spec.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    json!({
        "ID": boxed.spec.id, "Names": boxed.spec.name, "Command": boxed.spec.command_line(),
        "CreatedAt": rfc3339(boxed.spec.created), "RunningFor": format!("{} ago", since(boxed.spec.created)),
        "State": state.status.word(), "Status": status(state), "ExitCode": state.code,
        "Pid": state.pid, "Labels": labels.join(","),
    })
}
