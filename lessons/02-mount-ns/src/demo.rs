//! The demo: a copied table, a mount that leaks and one that does not, a /proc that lies and one that does not, and what
//! else a box finds in its tree.

use std::fs;
use std::path::Path;

use clone_pid::beyond::{Report, probing};
use clone_pid::{Container, Created, IpcNamespace, PidNamespace};
use ground::call::quietly;
use ground::card::Card;
use ground::needs::in_initial_user_namespace;
use ground::proc::Process;
use ground::story::{box_evidence, conclude, evidence, note, output, step};
use ground::text::{count, path, pid};
use ground::{Result, proc};
use mount_ns::{Dev, MountNamespace, Proc, Sys, Volume, VolumeSpec};

use crate::stage::{self, MountsTmpfs, Tmpfs};

/// What the host lends to read.
const LETTER: &str = "from the host\n";

/// Tells the lesson.
pub fn demo() -> Result<()> {
    if !in_initial_user_namespace() {
        whose_host()?;
    }
    copy()?;
    let shared = shared_mount()?;
    leak(&shared)?;
    cure(&shared)?;
    stale_proc()?;
    fresh_proc()?;
    furnished()?;
    note("slaves, and the hole in a read-only volume: the experiments of this lesson");
    Ok(())
}

/// Without root the lesson has left the host's mount namespace before it began.
fn whose_host() -> Result<()> {
    let mounts = Process::this().mounts()?;
    let slaves = mounts.iter().filter(|mount| mount.propagation_word() == "slave").count();
    let shared = mounts.iter().filter(|mount| mount.propagation_word() == "shared").count();
    evidence("/proc/self/mountinfo", format!("{} slaves, {shared} shared", count(slaves)));
    note(
        "rootless: HOST is here the mount namespace that this lesson has just unshared. A less privileged user owns it, so \
         the kernel made slaves of the shared mounts in it: what is mounted below them cannot reach the real host",
    );
    Ok(())
}

fn copy() -> Result<()> {
    step(
        "What a process sees mounted stands in the table of its mount namespace. Clone a child into a new one",
    );
    let created = waiting(MountNamespace::unchanged(), None)?;
    let (here, there) = (Process::this(), created.child().process());
    let (ours, before) = (stage::mount_namespace(&here)?, stage::table_size(&here)?);
    let (theirs, after) = (stage::mount_namespace(&there)?, stage::table_size(&there)?);
    let sizes = format!("{} mounts here and {} there", count(before), count(after));
    conclude(match (ours == theirs, before == after) {
        (true, _) => "one table: it is in the mount namespace of the host".to_string(),
        (false, true) => format!("two tables, {sizes}: it began as a copy"),
        (false, false) => format!("two tables, {sizes}: not, or no longer, a copy"),
    });
    Ok(())
}

/// A box that has been furnished and waits with its command.
fn waiting(namespace: MountNamespace, mounts: Option<&Path>) -> Result<Created> {
    let container = Container::new(&["true"])?.with(namespace);
    match mounts {
        Some(at) => container.with(MountsTmpfs(at.to_path_buf())).create(),
        None => container.create(),
    }
}

fn shared_mount() -> Result<Tmpfs> {
    step("Where systemd runs, every mount of the host is shared. Make one that surely is");
    let shared = Tmpfs::on(stage::directory("shared")?)?.share()?;
    stage::look(&Process::this(), shared.path())?;
    Ok(shared)
}

fn leak(shared: &Tmpfs) -> Result<()> {
    step("The leak: a box with a mount namespace, and no more than that, mounts below it");
    let inside = shared.directory("inside")?;
    let created = waiting(MountNamespace::unchanged(), Some(&inside))?;
    stage::look(&created.child().process(), shared.path())?;
    drop(created);
    step("The box is gone. Its mount is not");
    if stage::look(&Process::this(), &inside)? {
        conclude(
            "the copy was a peer of the original, so the host got the mount too, and keeps it",
        );
        stage::unmount(&inside)?;
    } else {
        conclude("its mount went with it: the copy was no peer of the original");
    }
    Ok(())
}

fn cure(shared: &Tmpfs) -> Result<()> {
    step("The cure: before it mounts anything, the box makes its whole copy private");
    let inside = shared.directory("inside")?;
    let created = waiting(MountNamespace::private(), Some(&inside))?;
    let process = created.child().process();
    stage::look(&process, shared.path())?;
    let there = stage::look(&process, &inside)?;
    let here = stage::look(&Process::this(), &inside)?;
    conclude(match (there, here) {
        (true, false) => {
            "what the box mounts is its own business, and goes when its last process ends"
        }
        (_, true) => "the host got the mount again: the copy is not private",
        (false, false) => "the mount is on neither side",
    });
    Ok(())
}

fn stale_proc() -> Result<()> {
    step(
        "Now /proc. It is a mount like any other, so a box with a new PID namespace has copied it as well",
    );
    evidence("processes in the host's /proc", count(proc::all()?.len()));
    let container = probing("report")?.with(PidNamespace).with(MountNamespace::private());
    let report = Report::of(container)?;
    let own = report.get("pid")?;
    box_evidence("getpid()", own);
    let (_, shown) = stage::look_at_proc(&report)?;
    if own != shown {
        conclude(format!(
            "/proc/self should be {own} and is {}: the mount still shows the host's PID namespace",
            pid(shown)
        ));
    } else {
        conclude("/proc/self is the box's own number: this is not the host's /proc");
    }
    Ok(())
}

fn fresh_proc() -> Result<()> {
    step(
        "A proc mount shows the PID namespace of who mounted it. So the box mounts one over the copy",
    );
    let container =
        || Ok(probing("ps; report")?.with(PidNamespace).with(MountNamespace::private()));
    let printed = container()?.with(Proc).start()?.output()?.text;
    printed.lines().take_while(|line| !line.starts_with("pid ")).for_each(output);
    let report = Report::parse(&printed);
    let (processes, own) = stage::look_at_proc(&report)?;
    if own == report.get("pid")? {
        conclude(format!("ps shows {processes} process, and /proc/self is the number it knows"));
    } else {
        conclude("/proc/self is not the number that the box knows: /proc shows other processes");
    }
    Ok(())
}

fn furnished() -> Result<()> {
    step(
        "The rest of a box's tree: devices, a /sys that cannot be written, and a directory on loan",
    );
    let (lent, place) = (stage::directory("lent")?, stage::directory("place")?);
    quietly("write the letter").run(|| fs::write(lent.join("letter"), LETTER))?;
    let letter = place.join("letter");
    let spec =
        VolumeSpec { source: lent, destination: place.clone(), read_only: true, mapped: false };
    let created = probing(&format!("cat {0}; write {0} answer", letter.display()))?
        .with(PidNamespace)
        .with(IpcNamespace)
        .with(MountNamespace::private())
        .with(Proc)
        .with(Dev::default())
        .with(Sys::default())
        .with(Volume::new(spec))
        .create()?;
    tell_tree(&created, &place)?;
    read_and_write(created, &letter)
}

fn tell_tree(created: &Created, volume: &Path) -> Result<()> {
    step("Ask the kernel what it has mounted, while the box waits with its command");
    let process = created.child().process();
    for made in ["/proc", "/dev", "/dev/pts"] {
        stage::flags(&process, Path::new(made))?;
    }
    for lent in [Path::new("/sys"), volume] {
        stage::access(&process, lent)?;
    }
    Card::of(&process)?.tell()
}

fn read_and_write(created: Created, letter: &Path) -> Result<()> {
    step(format!("Let it read {} and answer", path(letter.display())));
    let printed = created.start()?.output()?.text;
    output(printed.lines().next().unwrap_or_default());
    let refused = printed.contains("EROFS");
    box_evidence("write", if refused { "EROFS" } else { "no EROFS" });
    conclude(match (printed.starts_with(LETTER), refused) {
        (true, true) => "the same directory in two tables, and read-only in one of them",
        (true, false) => "the same directory in two tables, and nothing says that it was refused",
        (false, _) => "it did not read the host's letter there",
    });
    Ok(())
}
