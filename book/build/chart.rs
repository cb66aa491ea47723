//! `{{#chart NN/VALUE}}`: what a demo measured while it ran, drawn. The samples lie beside the recordings; without them
//! there is no book.

use crate::html::escape;
use crate::workspace::Workspace;

/// What is drawn of a value.
pub struct Chart {
    /// `04/cpu`.
    name: &'static str,
    /// What a reader who cannot see it is told.
    pub title: &'static str,
    /// The column that is drawn, and by how much its values are divided.
    column: &'static str,
    unit: f64,
    /// Label of the vertical axis.
    pub axis: &'static str,
    /// The line that it must stay below: its value in the beginning, and how much it grows in a millisecond.
    pub limit: (f64, f64),
    /// What the line is called.
    pub limit_label: &'static str,
    /// What the end is called; a column that is then above 0 proves it.
    pub end: Option<(&'static str, &'static str)>,
}

const CHARTS: [Chart; 2] = [
    Chart {
        name: "04/cpu",
        title: "CPU time of a loop that may have 20 ms in each period of 100: a staircase. It rises while the loop runs, and is \
                flat while the group is throttled.",
        column: "usage_us",
        unit: 1000.0,
        axis: "CPU time used, ms",
        limit: (20.0, 0.2),
        limit_label: "dashed: 20 ms more in each 100 ms",
        end: None,
    },
    Chart {
        name: "05/memory",
        title: "Memory of a box that takes one MiB after the other: it climbs to the limit of 32 MiB, the kernel kills, and what \
                was charged is given back.",
        column: "usage_bytes",
        unit: 1048576.0,
        axis: "charged, MiB",
        limit: (32.0, 0.0),
        limit_label: "dashed: the limit of the group",
        end: Some(("oom_kill", "killed")),
    },
];

/// Points: milliseconds, and the value in the axis' unit.
pub type Points = Vec<(f64, f64)>;

/// The drawing of a chart's samples.
pub fn include(workspace: &Workspace, name: &str) -> Result<String, String> {
    let chart = CHARTS.iter().find(|chart| chart.name == name);
    let chart = chart.ok_or_else(|| format!("no chart is declared for {name:?}"))?;
    let (world, text) = workspace.samples(name)?;
    let points = chart.points(&text).map_err(|e| format!("samples of {name}: {e}"))?;
    Ok(format!(
        "<figure class=\"diagram chart\" role=\"img\" aria-label=\"{}\" tabindex=\"0\">\n{}\n\
         <figcaption>{} <span class=\"world\">{world}</span></figcaption>\n</figure>\n",
        escape(chart.title),
        drawn(chart, &points)?,
        escape(chart.title),
    ))
}

#[cfg(feature = "render")]
fn drawn(chart: &Chart, points: &Points) -> Result<String, String> {
    crate::draw::svg(chart, points)
}

/// The check needs no picture.
#[cfg(not(feature = "render"))]
fn drawn(chart: &Chart, points: &Points) -> Result<String, String> {
    let end = chart.end.map_or("", |(_, label)| label);
    let limit = format!("{} at {}", chart.limit_label, chart.limit.0);
    Ok(format!(
        "<svg><title>{}, {limit}, {end}: {} samples</title></svg>",
        chart.axis,
        points.len()
    ))
}

impl Chart {
    fn points(&self, text: &str) -> Result<Points, String> {
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let column = |name: &str| {
            let at = head.iter().position(|column| *column == name);
            at.ok_or_else(|| format!("there is no column {name}"))
        };
        let (time, value) = (column("ms")?, column(self.column)?);
        let rows: Vec<Vec<f64>> = lines.map(row).collect::<Result<_, _>>()?;
        if rows.len() < 10 || rows.iter().any(|row| row.len() != head.len()) {
            return Err("ten rows at least, each as long as the first".to_string());
        }
        if let Some((proof, label)) = self.end {
            let proof = column(proof)?;
            if rows.last().is_none_or(|row| row[proof] < 1.0) {
                return Err(format!("it does not end with: {label}"));
            }
        }
        Ok(rows.iter().map(|row| (row[time], row[value] / self.unit)).collect())
    }
}

fn row(line: &str) -> Result<Vec<f64>, String> {
    let cell = |cell: &str| cell.parse().map_err(|_| format!("{cell:?} is no number"));
    line.split(',').map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(last_kill: u32) -> String {
        let row = |i: u32| format!("{i},{},{}\n", if i == 11 { last_kill } else { 0 }, i << 20);
        format!("ms,oom_kill,usage_bytes\n{}", (0..12).map(row).collect::<String>())
    }

    #[test]
    fn samples_become_points() {
        let points = CHARTS[1].points(&rows(1)).unwrap();
        assert_eq!((points.len(), points[3]), (12, (3.0, 3.0)));
    }

    #[test]
    fn what_does_not_show_the_claim_is_refused() {
        assert!(CHARTS[1].points(&rows(0)).unwrap_err().contains("killed"));
        assert!(CHARTS[0].points(&rows(1)).unwrap_err().contains("usage_us"));
        assert!(CHARTS[1].points("ms,oom_kill,usage_bytes\n1,2,3\n").is_err());
    }
}
