//! The demo: layers are laid on one another, looked through, written to; a box has them as its root; a disk is made slow.

use clone_pid::{Container, PidNamespace};
use ground::Result;
use ground::call::doing;
use ground::needs::Need;
use ground::rootfs::default_rootfs;
use ground::story::{box_evidence, conclude, evidence, muted, note, step};
use mount_ns::{MountNamespace, Proc};
use nix::fcntl::AT_FDCWD;
use overlay::beyond::diff::changes;
use overlay::{Layers, Overlay, Rate};

use crate::load::Load;
use crate::stage::{
    Mounted, Stage, content, layer, layers, list, mkdir, picture, remove_tree, rename, tree,
    unlink, write,
};

/// Tells the lesson.
pub fn demo() -> Result<()> {
    let stage = Stage::enter("demo")?;
    let mounted = lay(&stage)?;
    change(&stage)?;
    drop(mounted);
    boxes(&stage)?;
    disk()?;
    note(
        "ten boxes on one base, what the first change costs, hard links, quotas: the experiments of this lesson",
    );
    Ok(())
}

fn lay(stage: &Stage) -> Result<Mounted> {
    step(
        "Two directories with files: l1 a base, l2 what somebody has added to it. And two empty ones",
    );
    layer("l1", &[("etc/motd", "hello"), ("etc/issue", "base"), ("bin/tool", "1.0"), ("old", "")])?;
    layer("l2", &[("bin/tool", "2.0"), ("etc/conf", "x=1")])?;
    list("l1")?;
    list("l2")?;
    list("u")?;

    step(
        "An overlay of them is described to the kernel option by option, made, and hung in its place",
    );
    let both = layers(&["l1", "l2"]);
    let mounted = attach(&both)?;
    list("m")?;
    let newer = content("m/bin/tool") == "2.0";
    let merged = list("m/etc")? == ["conf", "issue", "motd"];
    if newer && merged {
        conclude(
            "one tree: a name is looked up from the top down, and directories of one name are merged",
        );
    }

    step("Which layer is each file from? Nothing is copied; the kernel asks layer after layer");
    picture(stage, &["l1", "l2"])?;
    Ok(mounted)
}

fn attach(layers: &Layers) -> Result<Mounted> {
    let Some(mount) = layers.mount()? else { return Mounted::on("m", layers) };
    doing("move_mount to m").run(|| mount.attach(AT_FDCWD, "m"))?;
    Mounted::here("m")
}

fn change(stage: &Stage) -> Result<()> {
    let before = muted(|| Ok::<_, ground::Error>((tree("l1")?, tree("l2")?)))?;
    step("A write, a removal, a new file, a rename; a directory is removed and made again");
    write("m/etc/motd", "goodbye")?;
    unlink("m/bin/tool")?;
    write("m/new", "new")?;
    // A file, so it can be: see the experiment `rename` for directories.
    rename("m/old", "m/older").map_err(|e| ground::Error::os("rename m/old", e))?;
    remove_tree("m/etc")?;
    mkdir("m/etc")?;
    write("m/etc/conf", "x=2")?;

    step("The same picture now");
    picture(stage, &["l1", "l2"])?;
    let after = muted(|| Ok::<_, ground::Error>((tree("l1")?, tree("l2")?)))?;
    if before == after {
        conclude("all of it is in upper; l1 and l2 are byte for byte what they were");
    }

    step("What has been changed? `docker diff` reads it from there");
    let lowers = [stage.at("l1"), stage.at("l2")];
    for change in changes(&stage.at("u"), &lowers)? {
        evidence("u/ against l1 and l2", change);
    }
    Ok(())
}

fn boxes(stage: &Stage) -> Result<()> {
    step("A box with layers as its root: the usual root file system, and l2 over it");
    let lowers = || Ok::<_, ground::Error>(vec![default_rootfs()?, stage.at("l2")]);
    let overlay = Overlay::new(lowers()?)?;
    let script =
        "rm -r /home; echo mine > /etc/conf; cat /etc/conf; test -d /home || echo no /home";
    let container = boxed(overlay, script)?.card(true);
    let running = container.start()?;
    if let Some(card) = running.card() {
        card.tell()?;
    }
    say(&muted(|| running.output())?.text);

    step("Another one on the same layers, afterwards");
    let second = boxed(Overlay::new(lowers()?)?, "cat /etc/conf; test -d /home && echo /home")?;
    let text = muted(|| second.start()?.output())?.text;
    say(&text);
    if text == "x=1\n/home\n" {
        conclude("it finds what the layers hold: what the first one did has ended with it");
    }
    Ok(())
}

fn boxed(overlay: Overlay, script: &str) -> Result<Container> {
    let command = ["/bin/sh", "-c", script];
    let container = Container::new(&command)?.capture()?;
    let container = container.with(PidNamespace).with(MountNamespace::private());
    Ok(container.with(overlay).with(Proc))
}

fn say(text: &str) {
    text.lines().for_each(|line| box_evidence("it says", line));
}

fn disk() -> Result<()> {
    let needs = [Need::InitialRoot, Need::IoController, Need::LoopDevice];
    if !needs.iter().all(|need| need.is_met()) {
        note("limits of a disk need root, a cgroup for I/O and a loop device: not shown here");
        return Ok(());
    }
    step(
        "A disk is shared like a CPU. A box writes 1 MiB to one, without a limit and with 1 MiB a second",
    );
    let load = Load::make("disk", &[])?;
    let free = load.run("write-direct", 1024)?;
    load.limit(Rate::WriteBytes, 1 << 20)?;
    let limited = load.run("write-direct", 1024)?;
    load.written()?;
    if limited > free && limited >= 700 {
        conclude("its requests wait in its group; the disk is free for others meanwhile");
    }
    Ok(())
}
