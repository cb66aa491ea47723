//! How many layers an image may have.

use std::path::Path;

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::size;
use nix::errno::Errno;
use overlay::Layers;

use crate::stage::{Mounted, Stage, layer};

pub const EXPERIMENT: Experiment = Experiment {
    name: "many-lowers",
    title: "500 lower layers, and not one more",
    level: Level::Deep,
    claims: &["C126"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("501 directories with a file in each; 500 of them as lower layers");
    let stage = Stage::enter("many")?;
    let dirs: Vec<_> = (0..501).map(|i| stage.at(&format!("lowers/{i}"))).collect();
    for (i, dir) in dirs.iter().enumerate() {
        layer(&dir.display().to_string(), &[(&format!("f{i}"), "x")])?;
    }
    let of = |count: usize| {
        Layers::read_only(dirs[..count].to_vec()).upper(stage.at("u"), stage.at("w"))
    };
    let first = Mounted::on("m", &of(500))?;
    let files = entries(&stage.at("m"))?;
    evidence("files in m/", files);
    drop(first);

    step("501");
    let refused = Mounted::on("m", &of(501)).err().and_then(|e| e.errno());
    let limit = refused == Some(Errno::EINVAL);

    step("The old way: all options in one string, and that in one page");
    let full: usize = dirs[..500].iter().map(|dir| dir.as_os_str().len() + 1).sum();
    evidence("bytes of the names of 500 layers", size(full));
    of(500).mount_on(&stage.at("m"), &stage.at("."))?;
    let short = entries(&stage.at("m"))?;
    evidence("files in m/", short);
    let _second = Mounted::here(&stage.at("m").display().to_string())?;
    if files == 500 && limit && short == 500 && full > 4096 {
        conclude(
            "500 is the kernel's limit. mount(2) takes 4095 bytes of options, so runtimes give their layers short names there",
        );
    }
    findings.holds("C126", files == 500 && limit && short == 500);
    Ok(())
}

fn entries(dir: &Path) -> Result<usize> {
    quietly("list m").run(|| Ok::<_, std::io::Error>(std::fs::read_dir(dir)?.count()))
}
