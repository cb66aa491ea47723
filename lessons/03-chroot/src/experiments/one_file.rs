//! How little a root file system must hold.

use std::ffi::OsStr;

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::rootfs::probe_files;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::{count, name};
use nix::sys::utsname::uname;

use crate::attack::looked_up;
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
    let only_what_was_put = lists_only_program_and_proc(&text)?;
    let same_kernel = is_same_kernel(&text);
    let boot = looked_up(&text, "/boot");
    box_evidence("stat /boot", boot);

    let no_kernel = boot == "ENOENT" && only_what_was_put;
    conclude(match same_kernel && no_kernel {
        true => "what an image brings is files; the kernel was here before, and serves every box",
        false => "it sees more than was put into it, or another kernel",
    });
    findings.because(
        "no kernel in it, and not all files of an operating system either: one program is enough; and an image is \
         layers and a configuration besides",
    );
    findings.partly("C060", same_kernel && no_kernel, only_what_was_put);
    Ok(())
}

/// Whether the whole listing of `/` is the program, `/proc` and the directories of the program's libraries, if it has any.
fn lists_only_program_and_proc(text: &str) -> Result<bool> {
    let release = release();
    let put = probe_files()?;
    let libraries: Vec<_> = put.iter().skip(1).filter_map(|(at, _)| at.iter().next()).collect();
    let listed = text.lines().take_while(|line| *line != release);
    let listed: Vec<_> = listed.filter(|name| !libraries.contains(&OsStr::new(name))).collect();
    box_evidence("ls / (without libraries)", listed.join(" "));
    Ok(listed == ["bxw-probe", "proc"])
}

/// The host's kernel.
fn release() -> String {
    uname().map(|u| u.release().to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether the release that the box read is that of the host's kernel.
fn is_same_kernel(text: &str) -> bool {
    let host = release();
    let inside = text.lines().find(|line| *line == host).unwrap_or("another");
    evidence("uname -r", name(&host));
    box_evidence("/proc/sys/kernel/osrelease", name(inside));
    inside == host
}
