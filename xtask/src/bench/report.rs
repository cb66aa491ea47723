//! The figures, as a table and as JSON.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::alive::{Crowd, Verbs};
use super::machine;
use super::measure::Times;
use super::runtimes::{Kind, Runtime, Stage};
use crate::table;

/// What was measured so far. Its form is what [`fields`] says.
#[derive(Debug, Serialize)]
pub struct Report {
    fields: Value,
    date: String,
    machine: Value,
    settings: Value,
    runtimes: Vec<Row>,
    not_measured: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    cold_ms: Option<Spread>,
    warm_ms: Option<Spread>,
    system_calls: Option<u32>,
    per_second: Vec<Rate>,
    exec_ms: Option<Spread>,
    stop_ms: Option<Spread>,
    delete_ms: Option<Spread>,
    alive: Option<Many>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Rate {
    at_once: usize,
    rate: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Many {
    count: usize,
    start_ms_each: f64,
    remove_ms_each: f64,
    memory_kib_each: f64,
    processes_kib_each: f64,
    charged_kib_each: Option<f64>,
}

/// What each field of the JSON means, and in which unit. It is part of the JSON.
fn fields() -> Value {
    json!({
        "date": "when the recording began, UTC",
        "machine": "what it was measured on; load is the load average of the last minute before it began",
        "settings": "rounds; seconds for each rate; boxes alive at once",
        "cold_ms": "ms for a whole command: make a box, run `true`, remove it; at least 20 ms after the one before",
        "warm_ms": "the same, the third of three back to back",
        "system_calls": "calls of one such command and all its processes, by strace -f -c",
        "per_second": "such commands a second, with so many at once",
        "exec_ms": "ms for one more command, `true`, in a box that runs",
        "stop_ms": "ms from a stop by SIGTERM until the stop's command and the box's first process have ended",
        "delete_ms": "ms to forget a box that has ended",
        "alive": "with so many boxes alive: ms to start one in the background until its command runs, ms to remove one that \
                  runs, KiB by which MemAvailable fell for each (all of the kernel's, and what others do meanwhile), KiB of Pss of \
                  its processes, KiB charged to its cgroup",
        "not_measured": "what is not in the figures, and why",
    })
}

impl Report {
    /// An empty one, with what there is to know of the machine.
    pub fn begin(stage: &Stage, settings: Value) -> Report {
        let kind = |kind| match kind {
            Kind::Floor => "floor",
            Kind::Ours => "ours",
            Kind::Oci | Kind::Bubblewrap => "other",
        };
        let row = |r: &Runtime| Row { name: r.name.clone(), kind: kind(r.kind), ..Row::default() };
        Report {
            fields: fields(),
            date: machine::now(),
            machine: machine::machine(stage.v2),
            settings,
            runtimes: stage.runtimes.iter().map(row).collect(),
            not_measured: stage.missing.clone(),
        }
    }

    /// Something that is not in the figures, and why.
    pub fn not_measured(&mut self, what: impl Into<String>) {
        self.not_measured.push(what.into());
    }

    /// Times of starts after a rest.
    pub fn cold(&mut self, times: &[Times]) {
        self.runtimes.iter_mut().zip(times).for_each(|(row, times)| row.cold_ms = spread(times));
    }

    /// Times of starts back to back.
    pub fn warm(&mut self, times: &[Times]) {
        self.runtimes.iter_mut().zip(times).for_each(|(row, times)| row.warm_ms = spread(times));
    }

    /// Containers per second.
    pub fn per_second(&mut self, at_once: usize, rates: &[f64]) {
        let rows = self.runtimes.iter_mut().zip(rates);
        rows.for_each(|(row, rate)| row.per_second.push(Rate { at_once, rate: round(*rate) }));
    }

    /// System calls of one start.
    pub fn system_calls(&mut self, counts: &[u32]) {
        let rows = self.runtimes.iter_mut().zip(counts);
        rows.for_each(|(row, count)| row.system_calls = Some(*count));
    }

    /// Times of one more command, a stop, a removal.
    pub fn verbs(&mut self, times: &[Verbs]) {
        for (row, times) in self.runtimes.iter_mut().zip(times) {
            match times {
                Some([exec, stop, delete]) => {
                    row.exec_ms = spread(exec);
                    row.stop_ms = spread(stop);
                    row.delete_ms = spread(delete);
                }
                None => {
                    let what = format!("{}: exec, stop, delete: it has no such commands", row.name);
                    self.not_measured.push(what);
                }
            }
        }
    }

    /// Many boxes at once, of the runtime with this index.
    pub fn crowd(&mut self, index: usize, crowd: &Crowd) {
        let each = |total: f64| round(total / crowd.count as f64);
        self.runtimes[index].alive = Some(Many {
            count: crowd.count,
            start_ms_each: each(ms(crowd.start)),
            remove_ms_each: each(ms(crowd.remove)),
            memory_kib_each: each(crowd.available_kib as f64),
            processes_kib_each: each(crowd.processes_kib as f64),
            charged_kib_each: crowd.charged_kib.map(|kib| each(kib as f64)),
        });
    }

    /// All of it.
    pub fn json(&self) -> String {
        format!("{}\n", serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

/// In a cell of the table: not measured.
const NONE: &str = "–";

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Three decimals: what is behind them differs from run to run.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn spread(times: &[Duration]) -> Option<Spread> {
    let mut times: Vec<f64> = times.iter().map(|time| round(ms(*time))).collect();
    times.sort_by(f64::total_cmp);
    let (min, max) = (*times.first()?, *times.last()?);
    Some(Spread { min, median: times[times.len() / 2], max })
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        let rates = self.runtimes.first().map_or(&[][..], |row| &row.per_second);
        let mut head: Vec<String> = ["", "cold ms", "warm ms", "calls"].map(Into::into).into();
        head.extend(rates.iter().map(|rate| format!("{}×/s", rate.at_once)));
        head.extend(["exec ms", "stop ms", "delete ms"].map(Into::into));
        let many = self.runtimes.iter().find_map(|row| row.alive).map_or(0, |many| many.count);
        head.extend(
            ["start ms", "remove ms", "KiB less", "KiB charged"]
                .map(|word| format!("{many}: {word}")),
        );
        let rows = self.runtimes.iter().map(|row| row.cells(rates.len()));
        let rows: Vec<Vec<String>> = rows.collect();
        let measured = |column: &usize| rows.iter().any(|row| row[*column] != NONE);
        let columns: Vec<usize> = (0..head.len()).filter(measured).collect();
        let shown = |row: &Vec<String>| columns.iter().map(|at| row[*at].clone()).collect();
        let rows: Vec<Vec<String>> = std::iter::once(&head).chain(&rows).map(shown).collect();
        let right: Vec<usize> = (1..columns.len()).collect();
        f.write_str(&table::layout(&rows, &right))?;
        self.not_measured.iter().try_for_each(|what| writeln!(f, "not measured: {what}"))
    }
}

impl Row {
    fn cells(&self, rates: usize) -> Vec<String> {
        let median = |spread: Option<Spread>| cell(spread.map(|spread| spread.median));
        let mut cells = vec![self.name.clone(), median(self.cold_ms), median(self.warm_ms)];
        cells.push(self.system_calls.map_or(NONE.into(), |calls| calls.to_string()));
        let rate =
            |at: usize| self.per_second.get(at).map_or(NONE.into(), |r| format!("{:.0}", r.rate));
        cells.extend((0..rates).map(rate));
        cells.extend([self.exec_ms, self.stop_ms, self.delete_ms].map(median));
        let many = |value: fn(&Many) -> f64| cell(self.alive.as_ref().map(value));
        cells.extend([
            many(|m| m.start_ms_each),
            many(|m| m.remove_ms_each),
            many(|m| m.memory_kib_each),
            cell(self.alive.and_then(|many| many.charged_kib_each)),
        ]);
        cells
    }
}

fn cell(value: Option<f64>) -> String {
    value.map_or(NONE.into(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let times = [30, 10, 20].map(Duration::from_millis);
        let found = spread(&times).map(|spread| (spread.min, spread.median, spread.max));
        assert_eq!(found, Some((10.0, 20.0, 30.0)));
        assert!(spread(&[]).is_none());
    }
}
