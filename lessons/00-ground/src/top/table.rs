//! The table: for each box a block of three lines, and in each line what the host, the processes and the group use.

use super::look::{BoxRates, Rates, Used};

const WIDTHS: [usize; 4] = [26, 14, 14, 14];

/// The lines of it.
pub(super) fn lines(rates: &Rates) -> Vec<String> {
    let mut lines = Vec::new();
    if rates.boxes.is_empty() {
        lines.push(row("host", ["uses", "of", "", ""].map(String::from)));
        let (used, machine) = (cells(&rates.host), cells(&rates.machine));
        for (i, label) in LABELS.iter().enumerate() {
            lines.push(row(
                label,
                [used[i].clone(), machine[i].clone(), String::new(), String::new()],
            ));
        }
        lines.push("no box is running: start one in another terminal, or name a PID".to_string());
    }
    for (i, one) in rates.boxes.iter().enumerate() {
        if i > 0 {
            lines.push(String::new());
        }
        lines.push(one.name.clone());
        lines.extend(block(rates, one));
    }
    lines
}

const LABELS: [&str; 3] = ["  CPU", "  memory", "  tasks"];

fn block(rates: &Rates, one: &BoxRates) -> Vec<String> {
    let of_processes = match one.pids.len() {
        1 => "1 process".to_string(),
        n => format!("{n} processes"),
    };
    let head = ["host".to_string(), of_processes, "group".to_string(), "its limit".to_string()];
    let (host, machine) = (cells(&rates.host), cells(&rates.machine));
    let (processes, group) = (cells(&one.processes), cells(&one.group));
    let limit = cells(&one.limit).map(|cell| if cell == NOTHING { "none".into() } else { cell });
    let line = |i: usize| {
        let of_machine = format!("{} of {}", host[i], machine[i]);
        row(LABELS[i], [of_machine, processes[i].clone(), group[i].clone(), limit[i].clone()])
    };
    [row("", head)].into_iter().chain((0..3).map(line)).collect()
}

const NOTHING: &str = "-";

fn cells(used: &Used) -> [String; 3] {
    let or_nothing = |cell: Option<String>| cell.unwrap_or_else(|| NOTHING.to_string());
    [
        or_nothing(used.cpu.map(|cpu| format!("{cpu:.1} %"))),
        or_nothing(used.memory.map(bytes)),
        or_nothing(used.tasks.map(|tasks| tasks.to_string())),
    ]
}

fn bytes(bytes: u64) -> String {
    let mib = bytes as f64 / 1048576.0;
    if mib >= 10240.0 { format!("{:.1} GiB", mib / 1024.0) } else { format!("{mib:.1} MiB") }
}

fn row(label: &str, cells: [String; 4]) -> String {
    let mut line = format!("{label:<9}");
    for (cell, width) in cells.iter().zip(WIDTHS) {
        line.push_str(&format!("{cell:>width$}"));
    }
    line.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_under_one_another() {
        let used = |cpu| Used { cpu: Some(cpu), memory: Some(64 << 20), tasks: Some(3) };
        let one = BoxRates {
            name: "bxw-0-run-7".into(),
            pids: vec![7],
            processes: used(19.9),
            group: used(20.0),
            limit: Used { cpu: Some(20.0), memory: None, tasks: None },
        };
        let rates = Rates { host: used(50.0), machine: used(200.0), boxes: vec![one] };
        let lines = lines(&rates);
        assert_eq!(lines[0], "bxw-0-run-7");
        assert_eq!(lines[2].split_whitespace().last(), Some("%"));
        assert!(lines[1..].iter().all(|line| line.chars().count() == lines[1].chars().count()));
        assert!(lines[3].ends_with("none"), "{lines:#?}");
    }
}
