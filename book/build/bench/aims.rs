//! What was aimed at, and what the recording says of it.

use serde_json::Value;

/// A bound for a figure of ours, or for how many times one runtime's figure is in another's.
struct Aim {
    text: &'static str,
    at: &'static str,
    of: &'static str,
    per: Option<&'static str>,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

const AIMS: [Aim; 6] = [
    Aim {
        text: "a cold start takes at most 1.2 times as long as the floor's",
        at: "/cold_ms/median",
        of: "ours",
        per: Some("floor"),
        bound: AtMost(1.2),
    },
    Aim {
        text: "back to back, too",
        at: "/warm_ms/median",
        of: "ours",
        per: Some("floor"),
        bound: AtMost(1.2),
    },
    Aim {
        text: "crun's takes at least four times as long as ours, cold",
        at: "/cold_ms/median",
        of: "crun",
        per: Some("ours"),
        bound: AtLeast(4.0),
    },
    Aim {
        text: "and at least twice as long, back to back",
        at: "/warm_ms/median",
        of: "crun",
        per: Some("ours"),
        bound: AtLeast(2.0),
    },
    Aim {
        text: "a start makes at most 320 system calls",
        at: "/system_calls",
        of: "ours",
        per: None,
        bound: AtMost(320.0),
    },
    Aim {
        text: "at least 250 boxes a second, one at a time",
        at: "/per_second/0/rate",
        of: "ours",
        per: None,
        bound: AtLeast(250.0),
    },
];

/// The table.
pub fn table(runtimes: &[Value]) -> String {
    let rows: String = AIMS.iter().map(|aim| aim.row(runtimes)).collect();
    format!("| aim | recorded | |\n| --- | --- | --- |\n{rows}")
}

impl Aim {
    fn row(&self, runtimes: &[Value]) -> String {
        let Some(value) = self.value(runtimes) else {
            return format!("| {} | – | not measured |\n", self.text);
        };
        let kept = match self.bound {
            AtMost(bound) => value <= bound,
            AtLeast(bound) => value >= bound,
        };
        let shown = match self.per {
            Some(_) => format!("{value:.2} times"),
            None => format!("{value:.0}"),
        };
        format!("| {} | {shown} | {} |\n", self.text, if kept { "kept" } else { "missed" })
    }

    fn value(&self, runtimes: &[Value]) -> Option<f64> {
        let of = |who| find(runtimes, who)?.pointer(self.at)?.as_f64();
        match self.per {
            Some(other) => Some(of(self.of)? / of(other)?),
            None => of(self.of),
        }
    }
}

/// By its kind, or by the beginning of its name.
fn find<'a>(runtimes: &'a [Value], who: &str) -> Option<&'a Value> {
    let named =
        |runtime: &Value| runtime["name"].as_str().is_some_and(|name| name.starts_with(who));
    runtimes.iter().find(|runtime| runtime["kind"] == who || named(runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aim_is_judged_by_the_recording() {
        let runtimes = [
            serde_json::json!({"name": "floor (C)", "kind": "floor", "cold_ms": {"median": 3.0}}),
            serde_json::json!({"kind": "ours", "cold_ms": {"median": 3.3}, "system_calls": 400}),
            serde_json::json!({"name": "crun 1", "kind": "other", "cold_ms": {"median": 33.0}}),
        ];
        let table = table(&runtimes);
        let ends: Vec<&str> =
            table.lines().skip(2).map(|line| line.split_once(" | ").unwrap().1).collect();
        let none = "– | not measured |";
        assert_eq!(
            ends,
            ["1.10 times | kept |", none, "10.00 times | kept |", none, "400 | missed |", none]
        );
    }
}
