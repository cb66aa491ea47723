//! A map of a map.

use std::fs;

use caps::UserNamespace;
use caps::maps::Maps;
use clone_pid::Part;
use clone_pid::beyond::{probing, write_map};
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, muted, step};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;

use crate::shared::{Owner, owner, place};

pub const EXPERIMENT: Experiment = Experiment {
    name: "nested-user-namespaces",
    title: "user namespaces nest, 33 deep, and maps are applied one after the other",
    level: Level::Deep,
    claims: &["C181"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let place = place()?;
    step("A box whose 0 is 100000; in it a box whose 0 is the outer one's 500");
    let inner = Inner { maps: Maps::from_zero(500, 10), file: format!("{place}/inner") };
    let refused = refused(&place)?;
    muted(|| probing("pid")?.with(outer()?).with(inner).start()?.output())?;
    let found = owner(&format!("{place}/inner"))?;
    evidence("owner of a file that the innermost root has made", found);
    step("A box in a box, whose 0 would be the outer one's 2000, which that one does not have");
    box_evidence("uid_map", format!("{refused:?}"));
    step("One in the other, as deep as it goes");
    let deep = format!("{place}/depth");
    muted(|| probing("pid")?.with(Deeper(deep.clone())).start()?.output())?;
    let told = quietly("read the depth").run(|| fs::read_to_string(&deep))?;
    box_evidence("levels, and what the next one meets", &told);
    let composed = found == Owner(100_500, 100_500);
    if composed && told == "33 ENOSPC" {
        conclude(
            "0 is 500 is 100500; nobody gives what he has not got; below 33 levels there is no more",
        );
    }
    findings.holds("C181", composed && refused == Errno::EPERM && told == "33 ENOSPC");
    Ok(())
}

fn outer() -> Result<UserNamespace> {
    UserNamespace::mapped(Maps::from_zero(100_000, 1000))
}

/// What the kernel says to a map that its writer could not have.
fn refused(place: &str) -> Result<Errno> {
    let inner = Inner { maps: Maps::from_zero(2000, 10), file: format!("{place}/never") };
    match muted(|| probing("pid")?.with(outer()?).with(inner).start()) {
        Err(e) => e.errno().ok_or(e),
        Ok(_) => Err(Error::environment("the kernel took the map")),
    }
}

/// Starts a box from within a box, which makes a file.
struct Inner {
    maps: Maps,
    file: String,
}

impl Part for Inner {
    fn seal(&mut self) -> Result<()> {
        // The change of user made the files of /proc/PID root's, of the host, and uid_map is one of them.
        quietly("prctl PR_SET_DUMPABLE 1").run(|| prctl::set_dumpable(true))?;
        let made = format!("write {} hello", self.file);
        let ended = probing(&made)?.with(Unchecked(self.maps.clone())).start()?.output()?;
        match ended.status.code() {
            0 => Ok(()),
            _ => Err(Error::environment(ended.text)),
        }
    }
}

/// A user namespace whose maps only the kernel checks.
struct Unchecked(Maps);

impl Part for Unchecked {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWUSER
    }

    fn attach(&mut self, child: &clone_pid::Child) -> Result<()> {
        write_map(child, "uid_map", &caps::maps::text(&self.0.uids))?;
        write_map(child, "gid_map", &caps::maps::text(&self.0.gids))
    }
}

/// One user namespace in the other, in one process; writes down how many, and the errno of the next.
struct Deeper(String);

impl Part for Deeper {
    fn seal(&mut self) -> Result<()> {
        let file = quietly("create a file").run(|| fs::File::create(&self.0))?;
        let mut levels = 0;
        let errno = loop {
            match unshare(CloneFlags::CLONE_NEWUSER) {
                Ok(()) => levels += 1,
                Err(errno) => break errno,
            }
            // Without a map its maker is nobody, and nobody may make another.
            let maps = [("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")];
            quietly("map 0 to 0").run(|| {
                maps.iter().try_for_each(|(f, text)| fs::write(format!("/proc/self/{f}"), text))
            })?;
        };
        quietly("write it down").run(|| {
            use std::io::Write;
            write!(&file, "{levels} {errno:?}")
        })
    }
}
