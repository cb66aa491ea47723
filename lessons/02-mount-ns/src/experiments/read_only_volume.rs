//! Read-only, all the way down?

use std::fs;
use std::path::{Path, PathBuf};

use clone_pid::beyond::probing;
use clone_pid::{Container, Part};
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::path;
use mount_ns::{MountNamespace, Volume, VolumeSpec};
use nix::mount::{MsFlags, mount};

use crate::stage::{self, Tmpfs};

pub const EXPERIMENT: Experiment = Experiment {
    name: "read-only-volume",
    title: "remount,bind,ro stops at the first mount below; mount_setattr takes the whole tree",
    level: Level::Deep,
    claims: &["C197"],
    needs: &[Need::Admin, Need::Clone3, Need::MountSetattr],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A directory on loan, with another file system mounted in it");
    let lent = Tmpfs::on(stage::directory("lent")?)?;
    let below = Tmpfs::on(lent.directory("below")?)?;
    let file = below.path().join("file");
    let place = stage::directory("place")?;

    step("The old way: bind it with everything below, then remount it read-only");
    let old = Remounted { source: lent.path().to_path_buf(), place: place.clone() };
    let refused_by_old = is_refused_below(&place, |container| container.with(old))?;
    let leaky = !refused_by_old && is_written(&file)?;

    step("The new way: mount_setattr with AT_RECURSIVE, before the copy is attached anywhere");
    let (source, destination) = (lent.path().to_path_buf(), place.clone());
    let spec = VolumeSpec { source, destination, read_only: true, mapped: false };
    let refused = is_refused_below(&place, |container| container.with(Volume::new(spec)))?;
    let tight = refused && !is_written(&file)?;
    conclude(match (leaky, tight) {
        (true, true) => {
            "a remount changes one mount of a tree; who lends a directory read-only means all of it"
        }
        (false, _) => "the remounted tree was not written to below",
        (true, false) => "neither way was the mount below read-only",
    });
    findings.holds("C197", leaky && tight);
    Ok(())
}

/// Whether the box has written to `file`, which is removed again.
fn is_written(file: &Path) -> Result<bool> {
    let written = fs::read_to_string(file).is_ok_and(|text| text.contains("text"));
    evidence("the file, seen from the host", if written { "is there" } else { "is not there" });
    if written {
        quietly("remove the file").run(|| fs::remove_file(file))?;
    }
    Ok(written)
}

/// Whether the box is refused to write to what is mounted below the volume: EROFS.
fn is_refused_below(place: &Path, part: impl FnOnce(Container) -> Container) -> Result<bool> {
    let file = place.join("below/file");
    let container = probing(&format!("write {} text", file.display()))?;
    let created = part(container.with(MountNamespace::private())).create()?;
    let process = created.child().process();
    stage::access(&process, place)?;
    stage::access(&process, &place.join("below"))?;
    let refused = created.start()?.output()?.text.contains("EROFS");
    let outcome = if refused { "EROFS" } else { "no EROFS" };
    box_evidence(format!("write {}", path(file.display())), outcome);
    Ok(refused)
}

/// `mount --rbind`, `mount -o remount,bind,ro`.
struct Remounted {
    source: PathBuf,
    place: PathBuf,
}

impl Part for Remounted {
    fn enter(&mut self) -> Result<()> {
        let (source, place) = (path(self.source.display()), path(self.place.display()));
        let none = None::<&str>;
        let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
        doing(format_args!("mount {source} on {place} MS_BIND|MS_REC"))
            .like_args(format_args!("mount --rbind {source} {place}"))
            .run(|| mount(Some(&self.source), &self.place, none, bind, none))?;
        // MS_REC is ignored beside MS_REMOUNT.
        let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        doing(format_args!("mount {place} MS_REMOUNT|MS_BIND|MS_RDONLY"))
            .like_args(format_args!("mount -o remount,bind,ro {place}"))
            .run(|| mount(none, &self.place, none, read_only | MsFlags::MS_REC, none))
    }
}
