//! The drawing of a trace: three columns, time downwards.

use std::collections::HashMap;
use std::fmt::Write;

use super::layout::{Block, Layout};
use super::{Call, PHASES, PROCESSES};
use crate::html::escape;

const GUTTER: f64 = 72.0;
const COLUMN: f64 = 186.0;
const GAP: f64 = 62.0;
const TOP: f64 = 58.0;

const HEADS: [(&str, &str); 3] = [
    ("runtime", "the command you typed"),
    ("monitor", "parent of the box"),
    ("box", "PID 1, in its namespaces"),
];

/// Calls that any program makes at any time: they do not say what a block is about.
const COMMON: [&str; 24] = [
    "read",
    "close",
    "statx",
    "newfstatat",
    "fstat",
    "brk",
    "mmap",
    "munmap",
    "mprotect",
    "madvise",
    "getuid",
    "geteuid",
    "getpid",
    "fcntl",
    "lseek",
    "rt_sigaction",
    "sigaltstack",
    "rseq",
    "set_robust_list",
    "gettid",
    "set_tid_address",
    "arch_prctl",
    "prlimit64",
    "getrandom",
];

/// The drawing.
pub fn svg(calls: &[Call]) -> String {
    let layout = Layout::of(calls);
    let height = TOP + layout.height() + 12.0;
    let mut body = String::new();
    for (process, (name, what)) in HEADS.iter().enumerate() {
        let middle = left(process) + COLUMN / 2.0;
        text(&mut body, middle, 22.0, "mid bold", name);
        text(&mut body, middle, 42.0, "mid small muted", what);
    }
    times(&mut body, calls, &layout);
    layout.blocks.iter().for_each(|found| block(&mut body, calls, found));
    arrows(&mut body, calls, &layout);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height:.0}\">\n\
         <defs><marker id=\"tip-trace\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" class=\"tip\"/></marker></defs>\n{body}</svg>"
    )
}

fn left(process: usize) -> f64 {
    GUTTER + process as f64 * (COLUMN + GAP)
}

fn text(body: &mut String, x: f64, y: f64, class: &str, words: &str) {
    // A String takes everything.
    let _ = writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>",
        escape(words)
    );
}

/// Milliseconds at the left, as many as there is room for.
fn times(body: &mut String, calls: &[Call], layout: &Layout) {
    let mut last = f64::NEG_INFINITY;
    for (number, y) in layout.marks() {
        let Some(call) = calls.get(*number) else { continue };
        if y - last >= 34.0 {
            text(
                body,
                GUTTER - 10.0,
                TOP + y + 13.0,
                "end small muted",
                &format!("{:.1} ms", call.us as f64 / 1000.0),
            );
            last = *y;
        }
    }
}

fn block(body: &mut String, calls: &[Call], block: &Block) {
    let (x, y) = (left(block.process), TOP + block.top);
    let class = match PROCESSES[block.process] {
        "box" => "box",
        "monitor" => "host",
        _ => "plain",
    };
    let height = block.bottom - block.top - 3.0;
    let _ = writeln!(
        body,
        "<rect x=\"{x}\" y=\"{y:.1}\" width=\"{COLUMN}\" height=\"{height:.1}\" rx=\"3\" class=\"{class}\"/>"
    );
    let count = block.calls.len();
    text(body, x + 8.0, y + 15.0, "small bold", PHASES[block.phase].0);
    let calls_word = if count == 1 { "call" } else { "calls" };
    text(body, x + COLUMN - 8.0, y + 15.0, "end small", &format!("{count} {calls_word}"));
    text(body, x + 8.0, y + 30.0, "fine", &foremost(calls, block));
}

/// The calls that a block is about: the most frequent, as many as fit.
fn foremost(calls: &[Call], block: &Block) -> String {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for (order, number) in block.calls.iter().enumerate() {
        let entry = counts.entry(calls[*number].name).or_insert((0, order));
        entry.0 += 1;
    }
    let mut names: Vec<(&str, (usize, usize))> = counts.into_iter().collect();
    let common = |name: &str| COMMON.contains(&name);
    names.sort_by_key(|(name, (count, order))| (common(name), std::cmp::Reverse(*count), *order));
    let mut line = String::new();
    for (name, _) in names {
        let longer = if line.is_empty() { name.to_owned() } else { format!("{line}, {name}") };
        if longer.len() > 29 {
            break;
        }
        line = longer;
    }
    line
}

/// Where one process moves another: from the call with which it does, to the first that the other can then make.
fn arrows(body: &mut String, calls: &[Call], layout: &Layout) {
    let find = |from: usize, process: usize, fits: &dyn Fn(&Call) -> bool| {
        let mut numbers = from..calls.len();
        numbers.find(|number| calls[*number].process == process && fits(&calls[*number]))
    };
    let any = |_: &Call| true;
    let clones = |call: &Call| call.name.contains("clone") || call.name.contains("fork");
    let sends = |sign: &'static str| move |call: &Call| call.name == "sendto" && call.about == sign;
    let (runtime, monitor, boxed) = (0, 1, 2);
    let mut arrow = |source: Option<usize>, to: usize, target: Option<usize>, label: &str| {
        let (Some(source), Some(target)) = (source, target) else { return };
        let top = layout.at(source).min(layout.end_of(source) - 20.0);
        draw_arrow(body, calls[source].process, top, to, layout.at(target), label);
    };
    arrow(find(0, runtime, &clones), monitor, find(0, monitor, &any), "fork");
    let birth = find(0, boxed, &any);
    let before = birth.and_then(|birth| {
        (0..birth).rev().find(|number| calls[*number].process == monitor && clones(&calls[*number]))
    });
    arrow(before, boxed, birth, "clone3");
    arrow(find(0, monitor, &sends("g")), boxed, find(0, boxed, &|call| call.about == "g"), "go");
    let exec = find(0, boxed, &|call| call.name == "execve");
    arrow(exec, monitor, exec.and_then(|exec| find(exec + 1, monitor, &any)), "execve");
    let told = find(0, monitor, &sends("r"));
    arrow(told, runtime, told.and_then(|told| find(told, runtime, &any)), "it runs");
    let last = calls.iter().rposition(|call| call.process == boxed);
    arrow(last, monitor, find(0, monitor, &|call| call.name.starts_with("wait")), "end");
}

fn draw_arrow(body: &mut String, from: usize, top: f64, to: usize, bottom: f64, label: &str) {
    let (start, end) = match from < to {
        true => (left(from) + COLUMN, left(to) - 2.0),
        false => (left(from), left(to) + COLUMN + 2.0),
    };
    let (top, bottom) = (TOP + top + 10.0, TOP + bottom + 10.0);
    let _ = writeln!(
        body,
        "<path d=\"M{start} {top:.1} L {end} {bottom:.1}\" class=\"line\" marker-end=\"url(#tip-trace)\"/>"
    );
    // Beside the line, at the side to which it falls.
    let fall = (bottom - top).abs();
    let aside = (fall / 4.0).min(8.0) * (end - start).signum();
    let (x, y) = ((start + end) / 2.0 + aside, (top + bottom) / 2.0 - 6.0 - fall / 8.0);
    text(body, x, y, "mid fine", label);
}
