//! A quota that counts what a box writes.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;

use ground::Result;
use ground::call::{IntoErrno, doing, quietly};
use ground::host::disk::Disk;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::size;
use nix::errno::Errno;
use overlay::sys;

use crate::stage::{Mounted, Stage, layer, read_only};

pub const EXPERIMENT: Experiment = Experiment {
    name: "project-quota",
    title: "a quota of the file system for what a box writes",
    level: Level::Deep,
    claims: &["C220"],
    needs: &[Need::InitialRoot, Need::Admin, Need::Overlay, Need::LoopDevice, Need::ProjectQuota],
    run,
};

const LIMIT: u64 = 4 << 20;
const WANTED: usize = 8 << 20;
const PROJECT: u32 = 4242;

fn run(findings: &mut Findings) -> Result<()> {
    step("An ext4 with quotas for projects, on a disk of this run");
    let _stage = Stage::enter("quota")?;
    layer("l1", &[("a", "of l1")])?;
    let disk = Disk::make("quota-disk", 48)?;
    let features = ["-O", "quota,project", "-E", "quotatype=prjquota"];
    let _ext4 = Mounted::ext4(&disk, Path::new("q"), &features, "prjquota")?;
    layer("q/box/u", &[])?;
    layer("q/box/w", &[])?;

    step("Upper and work belong to a project, which may have 4 MiB");
    let dir = quietly("open q/box").run(|| File::open("q/box"))?;
    doing("quotactl Q_SETQUOTA PRJQUOTA")
        .like_args(format_args!("setquota -P {PROJECT} 4096 4096 0 0 q"))
        .run(|| sys::limit_project(&dir, PROJECT, LIMIT))?;
    ["q/box", "q/box/u", "q/box/w"].iter().try_for_each(|dir| {
        let opened = quietly(format_args!("open {dir}")).run(|| File::open(dir))?;
        doing(format_args!("ioctl FS_IOC_FSSETXATTR {dir}"))
            .like_args(format_args!("chattr +P -p {PROJECT} {dir}"))
            .run(|| sys::set_project(opened.as_fd(), PROJECT))
    })?;
    let _overlay = Mounted::on("m", &read_only(&["l1"]).upper("q/box/u".into(), "q/box/w".into()))?;
    let mut file = quietly("create m/big").run(|| File::create("m/big"))?;
    let end = (0..WANTED / 4096).find_map(|_| file.write_all(&[1; 4096]).err());
    let end = end.map(IntoErrno::into_errno);
    evidence("writing to m/big ended with", end.map_or("no error".into(), |e| format!("{e:?}")));
    let used = quietly("quotactl Q_GETQUOTA").run(|| sys::project_quota(&dir, PROJECT))?.used;
    evidence("bytes that the project has", size(used));
    let refused = matches!(end, Some(Errno::EDQUOT | Errno::ENOSPC));
    let limited = refused && used <= LIMIT && used > LIMIT / 2;
    if limited {
        conclude("every file below the directory is counted for the project, whoever wrote it");
    }
    findings.holds("C220", limited);
    Ok(())
}
