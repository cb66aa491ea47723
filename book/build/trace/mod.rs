//! `{{#trace}}`: one run, as `cargo xtask trace` has recorded it, call by call. `{{#trace phases}}` is the table.

mod draw;
mod layout;

use crate::html::escape;
use crate::workspace::Workspace;

const FILE: &str = "book/trace.tsv";

/// Who calls, from left to right.
const PROCESSES: [&str; 3] = ["runtime", "monitor", "box"];

/// A phase, what happens in it, and the lesson that is about it.
const PHASES: [(&str, &str, &str); 14] = [
    ("begin", "a program starts, and reads what was typed", "01-clone-pid.md"),
    ("record", "what the box is, and how it goes, is written to disk", "09-runtime.md"),
    ("clone", "a fork for the monitor; clone3 with new namespaces for the box", "01-clone-pid.md"),
    (
        "cgroup",
        "groups are made and limited; the box joins them before it does anything else",
        "05-memory-oom.md",
    ),
    (
        "gate",
        "the box waits until the monitor has done what only the host can do",
        "01-clone-pid.md",
    ),
    ("network", "host name, loopback", "06-veth.md"),
    ("mounts", "/proc, /dev, /sys, devices; what is masked", "02-mount-ns.md"),
    ("pivot", "the old root goes away", "03-chroot.md"),
    ("caps", "capabilities, groups and identity are given up", "08-caps.md"),
    ("seccomp", "a filter for every later call", "08-caps.md"),
    ("exec", "descriptors are closed, the command takes over", "01-clone-pid.md"),
    ("command", "what was asked for", "09-init-signals.md"),
    ("wait", "until there is something to say", "09-runtime.md"),
    ("release", "all that was made on the host is removed, in reverse order", "09-runtime.md"),
];

/// One recorded call.
#[derive(Debug, Clone)]
struct Call<'a> {
    us: u64,
    /// Index in [`PROCESSES`].
    process: usize,
    /// Index in [`PHASES`].
    phase: usize,
    name: &'a str,
    about: &'a str,
}

/// The drawing, or with `phases` the table.
pub fn include(workspace: &Workspace, what: &str, up: &str) -> Result<String, String> {
    let text = workspace.read(FILE).map_err(|e| format!("{e}: cargo xtask trace"))?;
    let calls = parse(&text).map_err(|e| format!("{FILE}: {e}"))?;
    match what {
        "" => Ok(figure(&calls)),
        "phases" => Ok(table(&calls, up)),
        _ => Err(format!("trace wants nothing, or: phases; not {what:?}")),
    }
}

fn parse(text: &str) -> Result<Vec<Call<'_>>, String> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    if lines.next() != Some("us\tprocess\tphase\tcall\tabout") {
        return Err("the columns are us, process, phase, call, about".to_owned());
    }
    let calls = lines.map(call).collect::<Result<Vec<_>, _>>()?;
    let shown = |index: usize| calls.iter().any(|call| call.phase == index);
    match (0..PHASES.len()).find(|index| !shown(*index)) {
        Some(index) => Err(format!("nothing of the phase {}", PHASES[index].0)),
        None => Ok(calls),
    }
}

fn call(line: &str) -> Result<Call<'_>, String> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [us, process, phase, name, about] = cells[..] else {
        return Err(format!("five columns: {line:?}"));
    };
    let index = |found: Option<usize>, word: &str| found.ok_or(format!("what is {word:?}?"));
    Ok(Call {
        us: us.parse().map_err(|_| format!("{us:?} is no time"))?,
        process: index(PROCESSES.iter().position(|known| *known == process), process)?,
        phase: index(PHASES.iter().position(|known| known.0 == phase), phase)?,
        name,
        about,
    })
}

fn figure(calls: &[Call]) -> String {
    let of = |process| calls.iter().filter(|call| call.process == process).count();
    let counts = [0, 1, 2].map(|process| format!("{} {}", PROCESSES[process], of(process)));
    let title = format!(
        "One run -d of /bin/true from top to bottom: {} system calls, {}. A block is as high as it must be to be read; the times at \
         the left are those of the recording, and strace makes every call several times slower.",
        calls.len(),
        counts.join(", ")
    );
    let title = escape(&title);
    format!(
        "<figure class=\"diagram trace\" role=\"img\" aria-label=\"{title}\" tabindex=\"0\">\n{}\n\
         <figcaption>{title}</figcaption>\n</figure>\n",
        draw::svg(calls)
    )
}

fn table(calls: &[Call], up: &str) -> String {
    let row = |(index, (name, what, lesson)): (usize, &(&str, &str, &str))| {
        let cells = [0, 1, 2].map(|process| {
            let of = |call: &&Call| call.phase == index && call.process == process;
            match calls.iter().filter(of).count() {
                0 => String::new(),
                count => count.to_string(),
            }
        });
        let number = lesson.split('-').next().unwrap_or_default();
        format!("| {name} | {what} | {} | [{number}]({up}{lesson}) |\n", cells.join(" | "))
    };
    let rows: String = PHASES.iter().enumerate().map(row).collect();
    let total =
        [0, 1, 2].map(|process| calls.iter().filter(|c| c.process == process).count().to_string());
    format!(
        "<div class=\"tally phases\">\n\n| phase | | {} | lesson |\n| --- | --- | --- | --- | --- | --- |\n{rows}\
         | all | | {} | |\n\n</div>\n",
        PROCESSES.join(" | "),
        total.join(" | ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each phase once, in turn by the three processes.
    fn recorded() -> String {
        let line = |(index, phase): (usize, &(&str, &str, &str))| {
            format!("{}\t{}\t{}\tread\t/x\n", index * 10, PROCESSES[index % 3], phase.0)
        };
        let lines: String = PHASES.iter().enumerate().map(line).collect();
        format!("# a comment\nus\tprocess\tphase\tcall\tabout\n{lines}")
    }

    #[test]
    fn a_trace_shows_every_phase() {
        let text = recorded();
        assert_eq!(parse(&text).unwrap().len(), PHASES.len());
        let without = text.replace("\tpivot\t", "\tmounts\t");
        assert!(parse(&without).unwrap_err().contains("pivot"));
        assert!(parse("us\n").is_err());
    }

    #[test]
    fn calls_are_counted_by_phase_and_process() {
        let text = recorded();
        let table = table(&parse(&text).unwrap(), "");
        assert!(table.contains("| 1 |  |  | [01](01-clone-pid.md) |"), "{table}");
        assert!(table.ends_with("| all | | 5 | 5 | 4 | |\n\n</div>\n"), "{table}");
    }

    #[test]
    fn blocks_follow_one_another_and_are_high_enough() {
        let text = recorded();
        let calls = parse(&text).unwrap();
        let layout = layout::Layout::of(&calls);
        for process in 0..3 {
            let column: Vec<_> = layout.blocks.iter().filter(|b| b.process == process).collect();
            assert!(column.windows(2).all(|two| two[0].bottom <= two[1].top));
            assert!(column.iter().all(|block| block.bottom - block.top >= layout::LEAST));
        }
    }
}
