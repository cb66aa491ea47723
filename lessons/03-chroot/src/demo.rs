//! The demo: a jail, two ways out of it, and the call that closes them.

use clone_pid::Container;
use ground::card::Card;
use ground::proc::{Identity, Process};
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use ground::text::count;
use ground::{Result, call};

use crate::attack::{WAYS, attack_again, marked, marker, shown};
use crate::boxes::{jail, pivoted};

/// Tells the lesson.
pub fn demo() -> Result<()> {
    let marker = marker()?;
    in_jail(&marker)?;
    first_way_out(&marker)?;
    second_way_out(&marker)?;
    pivot(&marker)?;
    attack_the_pivoted(&marker)?;
    what_is_open(&marker)?;
    card()
}

fn in_jail(marker: &str) -> Result<()> {
    step(
        "The old way, chroot(2): one process's `/` becomes a directory that holds nothing but a program and /proc. \
         A file is put beside it, on the host: can the box see that?",
    );
    let text = jail(&["script", &format!("ls /; mounts; stat {marker}")])?.start()?.output()?.text;
    let listed = text.lines().take_while(|line| !line.starts_with('/'));
    box_evidence("ls /", listed.collect::<Vec<_>>().join(" "));
    box_evidence("/proc/self/mountinfo", mounts(&text).join(" "));
    box_evidence("the marker file", if text.contains("ENOENT") { "ENOENT" } else { "found" });
    conclude("it looks like a container. But only the looking up of names has changed");
    Ok(())
}

/// The mount points among the lines that the probe printed.
fn mounts(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('/')).collect()
}

fn first_way_out(marker: &str) -> Result<()> {
    step(
        "First way out. `..` stops at the root, so put the root below: a second chroot leaves the working directory \
         outside, and from there it is `..` all the way up. The command in the box does this:",
    );
    let reached = attack_again(jail(&[WAYS[0], marker])?)?;
    conclude(reached.told());
    step(
        "The mounts that it could not see were there all the time: mountinfo leaves out what has no name",
    );
    mounts_around_escape(jail, marker)
}

/// What one process reads of its mount namespace before and after the first attack.
fn mounts_around_escape(boxed: fn(&[&str]) -> Result<Container>, marker: &str) -> Result<()> {
    let script = format!("mounts; {} {marker}; mounts", WAYS[0]);
    let text = muted(|| boxed(&["script", &script])?.start()?.output())?.text;
    let (before, after) = text.split_once("escaped ").unwrap_or_default();
    box_evidence("mounts in /proc/self/mountinfo before the attack", mounts(before).len());
    box_evidence("after it, same process, same namespace", count(mounts(after).len()));
    Ok(())
}

fn second_way_out(marker: &str) -> Result<()> {
    step(
        "Second way out, for who did change the working directory: a directory that was opened before leads back",
    );
    let reached = attack_again(jail(&[WAYS[1], marker])?)?;
    conclude(reached.told());
    Ok(())
}

fn pivot(marker: &str) -> Result<()> {
    step(
        "Now pivot_root(2). As long as only our own code runs, a chroot keeps names inside while the box is furnished; \
         then the new root takes the place of the old one in the mount namespace, and the old one is detached.",
    );
    let script = format!("mounts; stat {marker}");
    let text = pivoted(&["script", &script])?.start()?.output()?.text;
    box_evidence("/proc/self/mountinfo", mounts(&text).join(" "));
    box_evidence("the marker file", if text.contains("ENOENT") { "ENOENT" } else { "found" });
    conclude("the same view as in the jail. Is it a curtain again, or a wall?");
    Ok(())
}

fn attack_the_pivoted(marker: &str) -> Result<()> {
    step("The same attack: the second chroot");
    let reached = attack_again(pivoted(&[WAYS[0], marker])?)?;
    conclude(reached.told());
    step("The same attack: the open directory");
    let reached = attack_again(pivoted(&[WAYS[1], marker])?)?;
    conclude(reached.told());
    step("Were there mounts that it could not see?");
    mounts_around_escape(pivoted, marker)?;
    conclude("`..` ends where the mounts of the namespace end. These are all that it has");
    Ok(())
}

fn what_is_open(marker: &str) -> Result<()> {
    step(
        "One thing no change of root takes back: what is open already. Here somebody starts the box with a directory of \
         the host as standard input, as `run … < /` would",
    );
    let root = call::doing("open /").like("exec 0< /").run(|| std::fs::File::open("/"))?;
    let given = pivoted(&["escape-fd", "0", marker])?.stdio([Some(root.into()), None, None]);
    let reached = attack_again(given.capture()?)?;
    conclude(reached.told());
    conclude(
        "so a runtime closes everything but standard input, output and error before execve (lesson 01: close_range), and \
         Rootfs closes the old root when it has left it. runc forgot one: CVE-2024-21626",
    );
    Ok(())
}

fn card() -> Result<()> {
    step("The card: the root directory is the box's own now");
    let running = muted(|| pivoted(&["sleep", "60"])?.start())?;
    let process = running.child().process();
    let root = |process: &Process| process.root().map(|id: Identity| marked(&shown(id)));
    evidence("device:inode of / on the host", root(&Process::this())?);
    evidence(process.file("root"), root(&process)?);
    Card::of(&process)?.tell()?;
    muted(|| running.kill())?;
    note(
        "a box to look around in: 03-chroot run sh. With an image of your own: run --rootfs DIR -- COMMAND",
    );
    Ok(())
}
