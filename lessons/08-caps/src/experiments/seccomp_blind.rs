//! What a filter does not see.

use caps::beyond::seccomp::Profile;
use caps::{CapSet, Seccomp};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, note, step};

use crate::stage::{everything, run, tell};

pub const EXPERIMENT: Experiment = Experiment {
    name: "seccomp-blind",
    title: "a filter sees six numbers, and not always as the kernel takes them",
    level: Level::Deep,
    claims: &["C231"],
    needs: &[Need::Admin, Need::Clone3, Need::Seccomp],
    run: look,
};

/// Against sockets of the family AF_UNIX, which is 1.
const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#;

fn look(findings: &mut Findings) -> Result<()> {
    step(
        "A profile refuses socket when its first argument is 1. The box asks for 1, and for 0x100000001",
    );
    let ask = |family: &str| {
        let filter = Seccomp::of(&Profile::parse(PROFILE)?, CapSet::NONE)?;
        let script = format!("syscall {} {family} 1 0", libc::SYS_socket);
        tell(&run(&script, everything()?.seccomp(filter))?, "syscall", family)
    };
    let refused = ask("1")?.ends_with("EPERM");
    let passed = !ask("0x100000001")?.ends_with("EPERM");
    if refused && passed {
        conclude("the filter compares 64 bits, the kernel takes 32 of them: both are the family 1");
    }
    note(
        "what an argument points at, a filter does not see at all: no path, no flags of clone3. Another thread could change it after the filter has looked. And what io_uring does is no system call",
    );
    findings.holds("C231", refused && passed);
    Ok(())
}
