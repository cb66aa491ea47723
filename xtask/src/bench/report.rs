//! The figures, as a table and as JSON.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::measure::Times;
use super::runtimes::Stage;

/// What was measured so far.
#[derive(Debug)]
pub struct Report {
    machine: Value,
    rows: Vec<Row>,
    could_not: Vec<String>,
}

#[derive(Debug, Default)]
struct Row {
    name: String,
    cold: Vec<f64>,
    warm: Vec<f64>,
    per_second: Vec<(usize, f64)>,
    system_calls: Option<u32>,
}

impl Report {
    /// An empty one, with what there is to know of the machine.
    pub fn begin(stage: &Stage) -> Report {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let cgroup = if stage.v2 { "v2" } else { "v1" };
        let machine = json!({"kernel": kernel.trim(), "cpus": cpus, "cgroup": cgroup});
        let row = |name: &String| Row { name: name.clone(), ..Row::default() };
        let rows = stage.runtimes.iter().map(|runtime| row(&runtime.name)).collect();
        Report { machine, rows, could_not: Vec::new() }
    }

    /// Something that is not in the figures, and why.
    pub fn could_not(&mut self, what: &str) {
        self.could_not.push(what.to_owned());
    }

    /// Times of starts after a rest.
    pub fn cold(&mut self, times: &[Times]) {
        self.rows.iter_mut().zip(times).for_each(|(row, times)| row.cold = sorted(times));
    }

    /// Times of starts back to back.
    pub fn warm(&mut self, times: &[Times]) {
        self.rows.iter_mut().zip(times).for_each(|(row, times)| row.warm = sorted(times));
    }

    /// Containers per second.
    pub fn per_second(&mut self, at_once: usize, rates: &[f64]) {
        let rows = self.rows.iter_mut().zip(rates);
        rows.for_each(|(row, rate)| row.per_second.push((at_once, *rate)));
    }

    /// System calls of one start.
    pub fn system_calls(&mut self, counts: &[u32]) {
        let rows = self.rows.iter_mut().zip(counts);
        rows.for_each(|(row, count)| row.system_calls = Some(*count));
    }

    /// Times are in milliseconds.
    pub fn json(&self) -> String {
        let row = |row: &Row| {
            json!({
                "runtime": row.name,
                "cold_ms": spread(&row.cold),
                "warm_ms": spread(&row.warm),
                "per_second": row.per_second.iter().map(|(n, rate)| json!({"at_once": n, "rate": rate})).collect::<Vec<_>>(),
                "system_calls": row.system_calls,
            })
        };
        let runtimes: Vec<Value> = self.rows.iter().map(row).collect();
        format!(
            "{:#}\n",
            json!({"machine": self.machine, "runtimes": runtimes, "could_not": self.could_not})
        )
    }
}

fn sorted(times: &[Duration]) -> Vec<f64> {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(sorted: &[f64]) -> Value {
    json!({"min": sorted.first(), "median": median(sorted), "max": sorted.last()})
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        write!(f, "{:<24} {:>9} {:>9} {:>7}", "", "cold ms", "warm ms", "calls")?;
        let rates = self.rows.first().map_or(&[][..], |row| &row.per_second);
        for (at_once, _) in rates {
            write!(f, " {:>8}", format!("{at_once}×/s"))?;
        }
        writeln!(f)?;
        for row in &self.rows {
            let calls = row.system_calls.map_or("?".into(), |calls| calls.to_string());
            let (cold, warm) = (median(&row.cold), median(&row.warm));
            write!(f, "{:<24} {cold:>9.1} {warm:>9.1} {calls:>7}", row.name)?;
            for (_, rate) in &row.per_second {
                write!(f, " {rate:>8.0}")?;
            }
            writeln!(f)?;
        }
        self.could_not.iter().try_for_each(|what| writeln!(f, "not measured: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let times = [30, 10, 20].map(Duration::from_millis);
        assert_eq!(median(&sorted(&times)), 20.0);
        assert!(median(&[]).is_nan());
    }
}
