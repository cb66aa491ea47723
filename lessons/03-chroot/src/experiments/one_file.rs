//! How little a root file system must hold.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::rootfs::probe_files;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::{count, name};
use nix::sys::utsname::uname;

use crate::boxes::pivoted;

pub const EXPERIMENT: Experiment = Experiment {
    name: "one-file",
    title: "a root file system of one program, and no kernel in it",
    level: Level::Core,
    claims: &["C060"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    step("A root with an empty /proc and one program. Which files does it see, and which kernel?");
    evidence("files put into it (1 when the program is static)", count(probe_files()?.len()));
    let look = "ls /; cat /proc/sys/kernel/osrelease; stat /boot";
    let text = pivoted(&["script", look])?.start()?.output()?.text;
    let listed: Vec<_> = text.lines().filter(|line| ["bxw-probe", "proc"].contains(line)).collect();
    box_evidence("ls / (without libraries)", listed.join(" "));
    let same_kernel = is_same_kernel(&text);
    let no_kernel = text.contains("ENOENT");
    box_evidence("stat /boot", if no_kernel { "ENOENT" } else { "is there" });

    conclude("what an image brings is files; the kernel was here before, and serves every box");
    findings.because(
        "no kernel in it, and not all files of an operating system either: one program is enough; and an image is \
         layers and a configuration besides",
    );
    findings.partly("C060", same_kernel && no_kernel, listed == ["bxw-probe", "proc"]);
    Ok(())
}

/// Whether the release that the box read is that of the host's kernel.
fn is_same_kernel(text: &str) -> bool {
    let host = uname().map(|u| u.release().to_string_lossy().into_owned()).unwrap_or_default();
    let inside = text.lines().find(|line| *line == host).unwrap_or("another");
    evidence("uname -r", name(&host));
    box_evidence("/proc/sys/kernel/osrelease", name(inside));
    inside == host
}
