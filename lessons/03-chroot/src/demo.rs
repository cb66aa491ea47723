//! The demo: a jail, two ways out of it, and the call that closes them.

use clone_pid::Container;
use ground::card::Card;
use ground::proc::{Identity, Process};
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use ground::text::count;
use ground::{Result, call};

use crate::attack::{Reached, WAYS, attack_again, looked_up, marked, marker, shown};
use crate::boxes::{jail, pivoted};

/// The mounts of a box's own: all that it should see.
const OWN: [&str; 2] = ["/", "/proc"];

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
    conclude(match sees_only_its_own(&text, marker) {
        true => "it looks like a container. But only the looking up of names has changed",
        false => "it does not even look like a container: it sees something of the host",
    });
    Ok(())
}

/// Whether the box sees no mount but its own, and not the marker. Both are told.
fn sees_only_its_own(text: &str, marker: &str) -> bool {
    let (mounts, found) = (mounts(text), looked_up(text, marker));
    box_evidence("/proc/self/mountinfo", mounts.join(" "));
    box_evidence("the marker file", found);
    mounts == OWN && found == "ENOENT"
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
    step("Were there mounts that it could not see? mountinfo leaves out what has no name");
    let more = mounts_around_escape(jail, marker)?;
    conclude(match more {
        true => "they were there all the time, and came in sight with the host's root",
        false => "the attack has brought no mount in sight",
    });
    Ok(())
}

/// Whether one process reads of more mounts in its mount namespace after the first attack than before.
fn mounts_around_escape(boxed: fn(&[&str]) -> Result<Container>, marker: &str) -> Result<bool> {
    let script = format!("mounts; {} {marker}; mounts", WAYS[0]);
    let text = muted(|| boxed(&["script", &script])?.start()?.output())?.text;
    let (before, after) = text.split_once("escaped ").unwrap_or_default();
    let (before, after) = (mounts(before).len(), mounts(after).len());
    box_evidence("mounts in /proc/self/mountinfo before the attack", before);
    box_evidence("after it, same process, same namespace", count(after));
    Ok(after > before)
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
    conclude(match sees_only_its_own(&text, marker) {
        true => "the same view as in the jail. Is it a curtain again, or a wall?",
        false => "it sees something of the host",
    });
    Ok(())
}

fn attack_the_pivoted(marker: &str) -> Result<()> {
    step("The same attack: the second chroot");
    let by_cwd = attack_again(pivoted(&[WAYS[0], marker])?)?;
    conclude(by_cwd.told());
    step("The same attack: the open directory");
    let by_fd = attack_again(pivoted(&[WAYS[1], marker])?)?;
    conclude(by_fd.told());
    step("Were there mounts that it could not see?");
    let more = mounts_around_escape(pivoted, marker)?;
    conclude(match ([by_cwd, by_fd], more) {
        ([Reached::Nothing, Reached::Nothing], false) => {
            "`..` ends where the mounts of the namespace end. These are all that it has"
        }
        _ => "this root does not hold: compare the attacks",
    });
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
    if reached == Reached::Host {
        conclude(
            "so a runtime closes everything but standard input, output and error before execve (lesson 01: close_range), \
             and Rootfs closes the old root when it has left it. runc forgot one: CVE-2024-21626",
        );
    }
    Ok(())
}

fn card() -> Result<()> {
    step("The card: does the root directory belong to the box now?");
    let running = muted(|| pivoted(&["sleep", "60"])?.start())?;
    let process = running.child().process();
    let (host, own) = (Process::this().root()?, process.root()?);
    let root = |id: Identity| marked(&shown(id));
    evidence("device:inode of / on the host", root(host));
    evidence(process.file("root"), root(own));
    Card::of(&process)?.tell()?;
    conclude(match own == host {
        false => "another directory than the host's is its `/`",
        true => "its `/` is still the host's",
    });
    muted(|| running.kill())?;
    note(
        "a box to look around in: 03-chroot run sh. With an image of your own: run --rootfs DIR -- COMMAND",
    );
    Ok(())
}
