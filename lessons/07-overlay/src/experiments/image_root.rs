//! The root of a box, made of layers.

use std::path::Path;

use clone_pid::{Container, PidNamespace};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::mountinfo;
use ground::rootfs::default_rootfs;
use ground::story::{box_evidence, conclude, muted, step};
use ground::text::path;
use ground::{Error, Result};
use mount_ns::{MountNamespace, Proc};
use overlay::Overlay;

use crate::stage::{Stage, layer, list};

pub const EXPERIMENT: Experiment = Experiment {
    name: "image-root",
    title: "the layers of an image become lower layers, and the box gets an upper one of its own",
    level: Level::Core,
    claims: &["C132"],
    needs: &[Need::Admin, Need::Clone3, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A root file system, and two layers over it, as an image would have them");
    let stage = Stage::enter("image")?;
    layer("l1", &[("layer-1", "first"), ("same", "of l1")])?;
    layer("l2", &[("layer-2", "second"), ("same", "of l2")])?;
    let lowers = vec![default_rootfs()?, stage.at("l1"), stage.at("l2")];

    step("A box on them, as `run --layer l1 --layer l2` makes it");
    let command = ["/bin/sh", "-c", "cat /same; echo new > /new; cat /proc/self/mountinfo"];
    let container = Container::new(&command)?
        .capture()?
        .with(PidNamespace)
        .with(MountNamespace::private())
        .with(Overlay::new(lowers)?)
        .with(Proc);
    let output = muted(|| container.start()?.output())?;
    let (first, table) = output.text.split_once('\n').unwrap_or_default();
    box_evidence("cat /same", format!("\"{first}\""));
    let mounts = mountinfo::parse(table).map_err(|e| Error::environment(e.0))?;
    let Some(root) = mountinfo::topmost(&mounts, Path::new("/")) else {
        return Err(Error::environment("the box has no root mount"));
    };
    box_evidence("/proc/self/mountinfo, type of /", &root.kind);
    for option in root.super_options.iter().filter(|option| option.contains("dir")) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        box_evidence(format!("…, {key}"), path(value));
    }
    let layered = root.kind == "overlay" && first == "of l2";
    let lowers = root.super_options.iter().filter(|o| o.starts_with("lowerdir")).count() >= 1;
    let clean = list("l2")? == ["layer-2", "same"];
    if layered && lowers && clean {
        conclude(
            "the kernel names the uppermost layer first; what the box wrote is in none of them",
        );
    }
    findings.holds("C132", layered && lowers && clean);
    Ok(())
}
