//! An archive that means harm.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;

use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use tar::{Builder, EntryType, Header};

use crate::kitchen::Kitchen;
use crate::stage::content;

pub const EXPERIMENT: Experiment = Experiment {
    name: "hostile-layer",
    title: "a link in an archive leads whoever follows it out of the layer; the kernel can refuse",
    level: Level::Deep,
    claims: &["C225"],
    needs: &[Need::Admin],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let kitchen = Kitchen::open("hostile-layer")?;
    step(
        "Two entries of an archive: a link `a` to ../outside, and a file a/evil. Unpack them as they come",
    );
    quietly("make directories").run(|| ["outside", "layer"].iter().try_for_each(fs::create_dir))?;
    doing("symlink ../outside layer/a").run(|| symlink("../outside", "layer/a"))?;
    doing("open layer/a/evil O_CREAT").run(|| fs::write("layer/a/evil", "written\n"))?;
    let escaped = content("outside/evil") == "written";
    if escaped {
        conclude(
            "the layer has written beside itself: to any file of the host, if the link says so",
        );
    }

    step("The same with openat2, relative to the layer: RESOLVE_BENEATH");
    let layer: OwnedFd = quietly("open layer").run(|| File::open("layer"))?.into();
    let how = OpenHow::new()
        .flags(OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC)
        .mode(Mode::from_bits_truncate(0o644))
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let refused = doing("openat2 layer, a/worse O_CREAT RESOLVE_BENEATH")
        .run(|| openat2(&layer, "a/worse", how))
        .err()
        .and_then(|e| e.errno());
    let nothing = !fs::exists("outside/worse").unwrap_or(true);
    evidence("outside/worse", if nothing { "is not there" } else { "is there" });

    step("So does the store of images");
    write_archive("evil.tar")?;
    let said = kitchen.import("evil.tar").err().map(|e| e.to_string()).unwrap_or_default();
    evidence("image import", if said.is_empty() { "done" } else { &said });
    let beneath = refused == Some(Errno::EXDEV) && nothing;
    let store = said.contains("leads out of the layer");
    if beneath && store {
        conclude(
            "who resolves names below a descriptor needs no list of bad names: the kernel watches every step",
        );
    }
    findings.holds("C225", escaped && beneath && store);
    Ok(())
}

fn write_archive(at: &str) -> Result<()> {
    let file = quietly(format_args!("create {at}")).run(|| File::create(at))?;
    let header = |kind| {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(0);
        header
    };
    let mut tar = Builder::new(file);
    let written = tar
        .append_link(&mut header(EntryType::Symlink), "a", "../outside")
        .and_then(|()| tar.append_data(&mut header(EntryType::Regular), "a/evil", std::io::empty()))
        .and_then(|()| tar.into_inner());
    quietly(format_args!("write {at}")).run(|| written).map(drop)
}
