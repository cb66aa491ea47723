//! `stats`: what boxes use.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Parser};
use ground::cgroup::{Controller, CpuStat};
use ground::{Result, interrupt};
use memory_oom::{LIMIT, Memory};
use serde_json::json;
use std::io::{IsTerminal, Write, stdout};

use super::pause::place;
use super::{arguments, say, table};
use crate::beyond::runtime::boxed::Boxed;
use crate::beyond::runtime::record::State;
use crate::beyond::runtime::store::Store;

/// Show what boxes use of CPU and memory
#[derive(Parser)]
#[command(name = "stats")]
pub(super) struct Stats {
    /// Once, and not on and on
    #[arg(long)]
    no_stream: bool,
    /// json: one object a line
    #[arg(long, value_parser = ["table", "json"], default_value = "table")]
    format: String,
    /// Names, or beginnings of IDs; all that run when left out
    #[arg(value_name = "BOX")]
    boxes: Vec<String>,
}

/// What a box has used up to now, and what it has.
struct Sample {
    boxed: Boxed,
    cpu: Duration,
    memory: u64,
    limit: Option<u64>,
    pids: usize,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let stats: Stats = arguments(matches)?;
    let store = Store::open()?;
    let mut before = (Instant::now(), used(&samples(&store, &stats.boxes)?));
    loop {
        interrupt::sleep(Duration::from_millis(if stats.no_stream { 250 } else { 1000 }));
        let (samples, now) = (samples(&store, &stats.boxes)?, Instant::now());
        let elapsed = (now - before.0).as_secs_f64();
        let percent = |sample: &Sample| {
            let was = before.1.get(&sample.boxed.spec.id).copied().unwrap_or(sample.cpu);
            100.0 * sample.cpu.saturating_sub(was).as_secs_f64() / elapsed
        };
        if stats.format == "json" {
            samples.iter().try_for_each(|sample| say(object(sample, percent(sample))))?;
        } else {
            // Home, and erase to the end of the screen.
            if !stats.no_stream && stdout().is_terminal() {
                let _ = write!(stdout(), "\x1b[H\x1b[J");
            }
            show(&samples, percent)?;
        }
        if stats.no_stream {
            return Ok(0);
        }
        before = (now, used(&samples));
    }
}

fn used(samples: &[Sample]) -> HashMap<String, Duration> {
    samples.iter().map(|sample| (sample.boxed.spec.id.clone(), sample.cpu)).collect()
}

fn samples(store: &Store, words: &[String]) -> Result<Vec<Sample>> {
    let boxes = match words {
        [] => store.boxes()?,
        words => words.iter().map(|word| store.find(word)).collect::<Result<_>>()?,
    };
    let mut samples = Vec::new();
    for boxed in boxes {
        let Ok(state) = boxed.look() else { continue };
        // One that ends meanwhile is left out.
        if state.status.lives() {
            samples.extend(sample(boxed, &state).ok());
        }
    }
    Ok(samples)
}

fn sample(boxed: Boxed, state: &State) -> Result<Sample> {
    let memory = place(&boxed, state, Controller::MEMORY)?;
    let cpu = place(&boxed, state, Controller::CPU)?;
    let cpuacct = place(&boxed, state, Controller::CPUACCT).ok().filter(|place| place.dir.is_dir());
    let now = Memory::of(&memory)?;
    // v1 says a number so large that it is none.
    let limit = memory.number(LIMIT.of(&memory)).ok().filter(|bytes| *bytes < 1 << 60);
    let cpu = CpuStat::of(&cpu, cpuacct.as_ref())?.usage;
    let pids = memory.processes()?.len();
    // What the kernel could drop at once is nothing that the box needs: Docker leaves it out, too.
    Ok(Sample { boxed, cpu, memory: now.usage.saturating_sub(now.inactive_file), limit, pids })
}

fn show(samples: &[Sample], percent: impl Fn(&Sample) -> f64) -> Result<()> {
    let head = ["BOX ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "PROCESSES"];
    let row = |sample: &Sample| {
        let limit = sample.limit.map_or("none".to_string(), size);
        let share = sample.limit.map_or("-".to_string(), |limit| {
            format!("{:.2}%", 100.0 * sample.memory as f64 / limit as f64)
        });
        vec![
            sample.boxed.short().to_string(),
            sample.boxed.spec.name.clone(),
            format!("{:.2}%", percent(sample)),
            format!("{} / {limit}", size(sample.memory)),
            share,
            sample.pids.to_string(),
        ]
    };
    let head = std::iter::once(head.map(str::to_string).to_vec());
    table(&head.chain(samples.iter().map(row)).collect::<Vec<_>>())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{:.1}KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1}MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2}GiB", bytes as f64 / 1_073_741_824.0),
    }
}

fn object(sample: &Sample, percent: f64) -> serde_json::Value {
    json!({
        "ID": sample.boxed.spec.id, "Name": sample.boxed.spec.name,
        "CPUPerc": format!("{percent:.2}%"), "CPUUsage": sample.cpu.as_nanos() as u64,
        "MemUsage": sample.memory, "MemLimit": sample.limit, "PIDs": sample.pids,
    })
}
