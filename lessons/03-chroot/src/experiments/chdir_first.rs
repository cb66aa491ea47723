//! What becomes of the working directory.

use std::path::PathBuf;

use chroot::Jail;
use clone_pid::Part;
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level, run_dir};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};
use ground::text::path;
use nix::unistd::{chdir, chroot};

use crate::attack::{marker, value};
use crate::boxes::{boxed, place};

pub const EXPERIMENT: Experiment = Experiment {
    name: "chdir-first",
    title: "chdir, then chroot: the other way round the working directory stays outside",
    level: Level::Core,
    claims: &["C058"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// chroot alone, from a working directory outside.
struct ChrootAlone {
    from: PathBuf,
    root: PathBuf,
}

impl Part for ChrootAlone {
    fn enter(&mut self) -> Result<()> {
        let (from, root) = (path(self.from.display()), path(self.root.display()));
        doing(format_args!("chdir {from}"))
            .like_args(format_args!("cd {from}"))
            .run(|| chdir(&self.from))?;
        doing(format_args!("chroot {root}"))
            .like_args(format_args!("chroot {root} COMMAND (chroot(1) also goes there)"))
            .run(|| chroot(&self.root))
    }
}

fn run(findings: &mut Findings) -> Result<()> {
    marker()?;
    let look = ["script", "report; cat marker"];
    step("chroot alone. The working directory is one of the host's, and a relative name is enough");
    let alone = ChrootAlone { from: run_dir()?.into(), root: place()? };
    let outside = boxed(alone, &look)?.start()?.output()?.text;
    let (left, read) = told(&outside);

    step("chdir into the new root, then chroot to where we are");
    let inside = boxed(Jail(place()?), &look)?.start()?.output()?.text;
    let (cwd, missing) = told(&inside);

    findings.because("in that order; chroot alone leaves the working directory on the host");
    let jailed = cwd == "/" && missing.contains("ENOENT");
    let not_jailed = left.starts_with("(unreachable)") && !read.contains("ENOENT");
    conclude(match jailed && not_jailed {
        true => {
            "`..` and relative names begin at the working directory, which chroot does not touch"
        }
        false => "the order did not make the difference that it should",
    });
    findings.holds("C058", jailed && not_jailed);
    Ok(())
}

/// What getcwd(2) said, and what became of the attempt to read the marker.
fn told(text: &str) -> (&str, &str) {
    let (cwd, read) = (value(text, "cwd"), text.lines().last().unwrap_or_default());
    match cwd.strip_prefix("(unreachable)") {
        Some(rest) => box_evidence("getcwd()", format!("(unreachable){}", path(rest))),
        None => box_evidence("getcwd()", cwd),
    }
    box_evidence("cat marker", read);
    (cwd, read)
}
