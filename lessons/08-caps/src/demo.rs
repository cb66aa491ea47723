//! The demo: root before and after, bit by bit, and what the rest of the protection stops.

use caps::{CapSet, Capability, Privileges, last};
use clone_pid::PidNamespace;
use clone_pid::beyond::{Report, probing};
use ground::Result;
use ground::needs::Need;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use ground::text::caps as marked;

use crate::attack::errno;
use crate::compose;
use crate::stage::{flags, run, run_line, set, usual};

/// Tells the lesson.
pub fn demo() -> Result<()> {
    let before = powers_of_root()?;
    let after = powers_of_a_box()?;
    refusals(before.minus(after))?;
    calls()?;
    files()?;
    devices()?;
    whole()?;
    note(
        "set-user-ID programs, ambient capabilities, user namespaces, escapes: the experiments of this lesson",
    );
    Ok(())
}

fn powers_of_root() -> Result<CapSet> {
    step("Root's power is divided into capabilities, a bit each. What has this process?");
    let status = Process::this().status()?;
    let effective = CapSet(status.capabilities.effective);
    evidence("/proc/self/status, CapEff", marked(effective));
    rows(effective)?.iter().for_each(|(bits, row)| evidence(bits, marked(row)));
    Ok(effective)
}

// ANCHOR: draw
/// Eight to a row.
fn rows(set: CapSet) -> Result<Vec<(String, String)>> {
    let last = last()?;
    let cell = |number: u8| if set.has(Capability(number)) { "■ " } else { "· " };
    let row = |first: u8| {
        let cells: String = (first..=last.min(first + 7)).map(cell).collect();
        (format!("bits {first} to {}", last.min(first + 7)), cells.trim_end().to_string())
    };
    Ok((0..=last).step_by(8).map(row).collect())
}
// ANCHOR_END: draw

fn powers_of_a_box() -> Result<CapSet> {
    step(
        "A box gives most of it up, last of all, and in an order: each call needs what a later one takes away",
    );
    let container = probing("powers")?.with(PidNamespace).with(usual()?);
    let report = Report::of(container)?;
    let left = set(&report, "CapEff")?;
    box_evidence("/proc/self/status, CapEff", left);
    rows(left)?.iter().for_each(|(bits, row)| box_evidence(bits, row));
    let bounding = set(&report, "CapBnd")?;
    box_evidence("/proc/self/status, CapBnd", bounding);
    if left == bounding {
        conclude(
            "no program that it executes, whoever owns it, gives the box a bit that is not there",
        );
    }
    Ok(left)
}

/// Of everything that was given up, what can be asked for without harm.
fn refusals(gone: CapSet) -> Result<()> {
    step(
        "What it gave up, it is refused. Without a filter, so that the answer is the capability's",
    );
    let asked = ["SYS_ADMIN", "SYS_BOOT", "NET_ADMIN", "SYS_NICE", "SYSLOG"];
    let mut refused = 0;
    for name in asked {
        let report = run(&format!("power {name}"), Privileges::keep(CapSet::DEFAULT))?;
        let answer = report.get("power")?.trim_start_matches(name).trim_start().to_string();
        box_evidence(format!("CAP_{name}"), &answer);
        refused +=
            usize::from(["EPERM", "EACCES"].contains(&answer.as_str()) && gone.has(name.parse()?));
    }
    if refused == asked.len() {
        conclude("root, and it may not");
    }
    Ok(())
}

fn calls() -> Result<()> {
    step(
        "The filter refuses what no capability is asked for: a user namespace, with all of them in it",
    );
    let script = format!("syscall {} 0x10000000; powers", libc::SYS_unshare);
    let of = |report: &Report| {
        let answer = report.get("syscall")?.rsplit(' ').next().unwrap_or("nothing").to_string();
        Ok::<_, ground::Error>(answer)
    };
    let bare = of(&run(&script, Privileges::keep(CapSet::DEFAULT))?)?;
    box_evidence("unshare CLONE_NEWUSER without a filter", &bare);
    let report = run(&script, usual()?)?;
    box_evidence("/proc/self/status, Seccomp", report.get("Seccomp")?);
    let filtered = of(&report)?;
    box_evidence("unshare CLONE_NEWUSER with the usual filter", &filtered);
    if bare == "0" && filtered == "EPERM" {
        conclude("the capabilities allowed it; what says no is the profile");
    }
    Ok(())
}

fn files() -> Result<()> {
    step(
        "Files of the machine ask for user ID 0, and for no capability. So they are covered, or read-only",
    );
    let (core, interrupts) = ("/proc/sys/kernel/core_pattern", "/proc/interrupts");
    let script = format!("writable {core}; stat {interrupts}");
    let report = run_line(&[], &script)?;
    box_evidence(format!("open {core} to write"), report.get(core)?);
    let kind = report.get("type").unwrap_or("nothing");
    box_evidence(format!("{interrupts} is"), kind);
    Ok(())
}

fn devices() -> Result<()> {
    if !Need::Mknod.is_met() {
        return no_node();
    }
    step(
        "CAP_MKNOD is left to it. This box even has SYS_RAWIO, which the machine's memory asks for. Is a node of that good for anything?",
    );
    let script = "mknod /run/memory c 1 1; readable /run/memory";
    let answer = run_line(&["--cap-add", "SYS_RAWIO", "--tmpfs", "/run:dev"], script)?
        .get("/run/memory")?
        .to_string();
    box_evidence("open the node", &answer);
    if answer == "EPERM" {
        conclude("for nothing: the box's cgroup has a list of numbers, and 1:1 is not in it");
    }
    Ok(())
}

/// Of an ordinary user's box.
fn no_node() -> Result<()> {
    step("CAP_MKNOD is left to it, over its own user namespace. A node of the machine's memory?");
    let command = ["/bin/probe", "script", "mknod /run/memory c 1 1"].map(Into::into);
    let container = compose(&flags(&["--tmpfs", "/run:dev"])?, &command)?.capture()?;
    let text = muted(|| container.start()?.output())?.text;
    let answer = errno(&text).unwrap_or("works");
    box_evidence("make the node", answer);
    if answer == "EPERM" {
        conclude("nodes are the machine's: the kernel asks for it in the initial user namespace");
    }
    Ok(())
}

fn whole() -> Result<()> {
    step("All of it together: the box that `run` makes, here without a network of its own");
    let container =
        compose(&flags(&["--network", "host"])?, &["/bin/true"].map(Into::into))?.card(true);
    let running = muted(|| container.start())?;
    if let Some(card) = running.card() {
        card.tell()?;
    }
    muted(|| running.wait()).map(drop)
}
