//! No second kernel.

use std::fs;

use clone_pid::{IpcNamespace, PidNamespace, UtsNamespace};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, evidence, step};
use ground::text::name;

use super::probing;

pub const EXPERIMENT: Experiment = Experiment {
    name: "one-kernel",
    title: "the box runs on the host's kernel: same release, same boot",
    level: Level::Core,
    claims: &["C010"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// Release of the kernel, and the random number that it drew when it booted.
const FILES: [&str; 2] = ["/proc/sys/kernel/osrelease", "/proc/sys/kernel/random/boot_id"];

fn run(findings: &mut Findings) -> Result<()> {
    step("Ask on both sides which kernel this is, and which boot of it");
    let mut same = true;
    for file in FILES {
        let host = quietly(format_args!("read {file}")).run(|| fs::read_to_string(file))?;
        let uts = UtsNamespace { hostname: Some("box".into()) };
        let boxed =
            probing(&format!("cat {file}"))?.with(PidNamespace).with(uts).with(IpcNamespace);
        let inside = boxed.start()?.output()?.text;
        evidence(file, name(host.trim()));
        box_evidence(file, name(inside.trim()));
        same &= !host.trim().is_empty() && host.trim() == inside.trim();
    }
    conclude(match same {
        true => "one kernel, booted once: a virtual machine would have shown others",
        false => "another kernel, or another boot",
    });
    findings.holds("C010", same);
    Ok(())
}
