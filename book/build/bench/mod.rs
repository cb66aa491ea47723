//! `{{#bench NAME}}`: the figures of `cargo xtask bench --record`, drawn. Nobody types a number into a chapter.

mod aims;

use std::fmt::Write;

use serde_json::Value;

use crate::html::escape;
use crate::workspace::Workspace;

const FILE: &str = "book/bench.json";

/// What is drawn: for each runtime a bar for each series.
struct Bars {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    decimals: usize,
    /// Where in a runtime's object the value is, and what it is called.
    series: &'static [(&'static str, &'static str)],
}

const BARS: [Bars; 6] = [
    Bars {
        name: "start",
        title: "A whole box, from the command to its end: make it, run true in it, remove it. Cold: at least 20 ms after the \
                one before. Medians.",
        unit: " ms",
        decimals: 1,
        series: &[("/cold_ms/median", "cold"), ("/warm_ms/median", "back to back")],
    },
    Bars {
        name: "calls",
        title: "System calls of such a command, all its processes together, counted by strace.",
        unit: "",
        decimals: 0,
        series: &[("/system_calls", "")],
    },
    Bars {
        name: "rate",
        title: "Boxes per second, with one, two, four and eight commands at once.",
        unit: "/s",
        decimals: 0,
        series: &[
            ("/per_second/0/rate", "1 at once"),
            ("/per_second/1/rate", "2 at once"),
            ("/per_second/2/rate", "4 at once"),
            ("/per_second/3/rate", "8 at once"),
        ],
    },
    Bars {
        name: "verbs",
        title: "One more command in a box that runs; SIGTERM until its first process has ended; forgetting a box that has ended. \
                Medians.",
        unit: " ms",
        decimals: 1,
        series: &[
            ("/exec_ms/median", "exec"),
            ("/stop_ms/median", "stop"),
            ("/delete_ms/median", "delete"),
        ],
    },
    Bars {
        name: "alive",
        title: "Many boxes alive at once: one start, until the command in the box runs, and one removal of a box that runs. Means.",
        unit: " ms",
        decimals: 1,
        series: &[("/alive/start_ms_each", "start"), ("/alive/remove_ms_each", "remove")],
    },
    Bars {
        name: "memory",
        title: "Memory of each box, with many alive: what is charged to its group, the Pss of its processes and of those that \
                stay with it, and by how much MemAvailable fell.",
        unit: " KiB",
        decimals: 0,
        series: &[
            ("/alive/charged_kib_each", "charged"),
            ("/alive/processes_kib_each", "processes"),
            ("/alive/memory_kib_each", "MemAvailable"),
        ],
    },
];

/// A chart, or with `aims` the table of what was aimed at, with `missing` what was not measured.
pub fn include(workspace: &Workspace, name: &str) -> Result<String, String> {
    let text = workspace.read(FILE).map_err(|e| format!("{e}: cargo xtask bench --record"))?;
    let record: Value = serde_json::from_str(&text).map_err(|e| format!("{FILE}: {e}"))?;
    match (name, BARS.iter().find(|bars| bars.name == name)) {
        (_, Some(bars)) => bars.figure(&record),
        ("aims", _) => Ok(aims::table(runtimes(&record)?)),
        ("missing", _) => missing(&record),
        _ => Err(format!("no chart of the bench is called {name:?}")),
    }
}

fn runtimes(record: &Value) -> Result<&Vec<Value>, String> {
    record["runtimes"].as_array().ok_or(format!("{FILE}: no runtimes"))
}

const LEFT: f64 = 136.0;
const WIDTH: f64 = 440.0;
const BAR: f64 = 17.0;

impl Bars {
    fn figure(&self, record: &Value) -> Result<String, String> {
        let drawing = self.drawing(runtimes(record)?)?;
        let title = escape(self.title);
        Ok(format!(
            "<figure class=\"diagram bars\" role=\"img\" aria-label=\"{title}\" tabindex=\"0\">\n{drawing}\n\
             <figcaption>{title} <span class=\"world\">{}</span></figcaption>\n</figure>\n",
            escape(&origin(record))
        ))
    }

    fn drawing(&self, runtimes: &[Value]) -> Result<String, String> {
        let values = |runtime: &Value| -> Vec<(f64, &str)> {
            let value =
                |(at, label): &(&str, &'static str)| Some((runtime.pointer(at)?.as_f64()?, *label));
            self.series.iter().filter_map(value).collect()
        };
        let all: Vec<(&Value, Vec<(f64, &str)>)> =
            runtimes.iter().map(|r| (r, values(r))).filter(|(_, v)| !v.is_empty()).collect();
        let most = all.iter().flat_map(|(_, values)| values).map(|v| v.0).fold(0.0, f64::max);
        if most <= 0.0 {
            return Err(format!("{FILE}: nothing measured of {}", self.name));
        }
        let (mut body, mut y) = (String::new(), 8.0);
        for (runtime, values) in &all {
            y = self.group(&mut body, runtime, values, most, y);
        }
        Ok(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {y:.0}\">\n\
             <title>{}</title>\n{body}</svg>",
            escape(self.title)
        ))
    }

    /// The bars of one runtime; returns where the next begin.
    fn group(
        &self,
        body: &mut String,
        of: &Value,
        values: &[(f64, &str)],
        most: f64,
        y: f64,
    ) -> f64 {
        let name = of["name"].as_str().unwrap_or_default();
        let class = match of["kind"].as_str() {
            Some("ours") => "box",
            Some("floor") => "good-bar",
            _ => "host",
        };
        let height = values.len() as f64 * BAR;
        let middle = y + height / 2.0 + 5.0;
        // A String takes everything.
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{middle:.1}\" class=\"end small\">{}</text>",
            LEFT - 10.0,
            escape(name)
        );
        for (index, (value, label)) in values.iter().enumerate() {
            let top = y + index as f64 * BAR;
            let width = (value / most * WIDTH).max(1.0);
            let dot = if label.is_empty() { "" } else { " · " };
            let text = format!("{value:.*}{}{dot}{label}", self.decimals, self.unit);
            let _ = writeln!(
                body,
                "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" class=\"{class}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" class=\"small\">{}</text>",
                BAR - 3.0,
                LEFT + width + 8.0,
                top + 12.0,
                escape(&text)
            );
        }
        y + height + 12.0
    }
}

/// On which machine, and when.
fn origin(record: &Value) -> String {
    let machine = &record["machine"];
    let word = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let date = word(&record["date"]);
    format!(
        "{}, {} CPUs, Linux {}, cgroup {}, load {}, {}",
        word(&machine["cpu"]),
        word(&machine["cpus"]),
        word(&machine["kernel"]),
        word(&machine["cgroup"]),
        word(&machine["load"]),
        date.split('T').next().unwrap_or_default()
    )
}

fn missing(record: &Value) -> Result<String, String> {
    let lines = record["not_measured"].as_array().ok_or(format!("{FILE}: no not_measured"))?;
    let line = |line: &Value| format!("- {}\n", escape(line.as_str().unwrap_or_default()));
    match lines.is_empty() {
        true => Ok("Everything was measured.\n".to_owned()),
        false => Ok(lines.iter().map(line).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Value {
        serde_json::json!({
            "date": "2026-01-31T23:59:59Z",
            "machine": {"cpu": "x", "cpus": 2, "kernel": "6.18", "cgroup": "v1", "load": "0.10"},
            "runtimes": [
                {"name": "floor (C)", "kind": "floor", "cold_ms": {"median": 3.0}},
                {"name": "boxwright", "kind": "ours", "cold_ms": {"median": 3.3}, "system_calls": 400},
                {"name": "crun 1", "kind": "other", "cold_ms": {"median": 33.0}},
            ],
            "not_measured": ["runc: not installed"],
        })
    }

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        let drawing = BARS[0].figure(&record()).unwrap();
        assert!(
            drawing.contains("width=\"440.0\"") && drawing.contains("width=\"40.0\""),
            "{drawing}"
        );
        assert!(drawing.contains("33.0 ms · cold") && drawing.contains("Linux 6.18"), "{drawing}");
        assert!(BARS[2].figure(&record()).unwrap_err().contains("nothing measured"));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(missing(&record()).unwrap(), "- runc: not installed\n");
    }
}
