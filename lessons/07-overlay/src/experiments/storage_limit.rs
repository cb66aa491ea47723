//! How much a box may write.

use std::fs::File;
use std::io::Write;

use ground::Result;
use ground::call::{IntoErrno, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::{count, size};
use nix::errno::Errno;
use nix::sys::statvfs::statvfs;

use crate::stage::{Mounted, Stage, layer, layers, read_only};

pub const EXPERIMENT: Experiment = Experiment {
    name: "storage-limit",
    title: "overlayfs itself limits nothing: the file system below upper does",
    level: Level::Deep,
    claims: &["C134"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

const LIMIT: usize = 2 << 20;
const WANTED: usize = 4 << 20;

fn run(findings: &mut Findings) -> Result<()> {
    step("An upper layer on the file system of the run");
    let _stage = Stage::enter("limit")?;
    layer("l1", &[("a", "of l1")])?;
    let mounted = Mounted::on("m", &layers(&["l1"]))?;
    let all = fill("m/big")?;
    let same = fs_of("m")? == fs_of("u")?;
    if all == WANTED && same {
        conclude("statfs() of the overlay is that of upper's file system, and there is room");
    }
    drop(mounted);

    step("The same with upper and work on a tmpfs of 2 MiB");
    let _tmpfs = Mounted::tmpfs("t", &format!("size={LIMIT}"))?;
    ["t/u", "t/w"].iter().try_for_each(|dir| layer(dir, &[]))?;
    let _mounted = Mounted::on("m", &read_only(&["l1"]).upper("t/u".into(), "t/w".into()))?;
    let some = fill("m/big")?;
    let limited = (1..=LIMIT).contains(&some);
    if limited {
        conclude("the file system that is written to has refused, and the overlay passed that on");
    }
    findings.holds("C134", all == WANTED && same && limited);
    Ok(())
}

/// Writes to a file as long as that goes, told; how many bytes it has then.
fn fill(at: &str) -> Result<usize> {
    let written = write_blocks(at);
    let (bytes, end) = match written {
        Ok(bytes) => (bytes, "no error".to_string()),
        Err((bytes, errno)) => (bytes, format!("{errno:?}")),
    };
    evidence(format!("{WANTED} bytes to {at}: written"), format!("{}, then {end}", size(bytes)));
    Ok(bytes)
}

fn write_blocks(at: &str) -> std::result::Result<usize, (usize, Errno)> {
    let mut file = File::create(at).map_err(|e| (0, e.into_errno()))?;
    for done in (0..WANTED).step_by(1 << 16) {
        file.write_all(&[1; 1 << 16]).map_err(|e| (done, e.into_errno()))?;
    }
    Ok(WANTED)
}

/// Size of the file system and of its blocks.
fn fs_of(at: &str) -> Result<(u64, u64)> {
    let fs = quietly(format_args!("statfs {at}")).run(|| statvfs(at))?;
    evidence(format!("statfs {at}, blocks"), count(fs.blocks()));
    Ok((fs.blocks() as u64, fs.block_size() as u64))
}
