//! Users and capabilities.

use caps::Capability;
use caps::sys::{self, Sets};
use clone_pid::Part;
use clone_pid::beyond::probing;
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{box_evidence, conclude, step};
use nix::sys::prctl;
use nix::unistd::{Uid, setresuid};

use crate::order::refusal;

pub const EXPERIMENT: Experiment = Experiment {
    name: "order-user",
    title: "who changes its user first has no capability left to keep, who drops first cannot change it",
    level: Level::Deep,
    claims: &["C237"],
    needs: &[Need::InitialRoot, Need::Clone3],
    run,
};

/// What an ordinary user is to keep.
const KEPT: u64 = 1 << Capability::NET_BIND_SERVICE.0;

fn run(findings: &mut Findings) -> Result<()> {
    let mut said = Vec::new();
    for (what, order) in [
        ("setresuid, then capset of CAP_NET_BIND_SERVICE", Order::UserFirst),
        ("capset, then setresuid", Order::CapabilitiesFirst),
        ("PR_SET_KEEPCAPS, setresuid, capset", Order::Kept),
    ] {
        step(what);
        let outcome = refusal(probing("pid")?.with(order))?.unwrap_or_else(|| "works".into());
        box_evidence("came to", &outcome);
        said.push(outcome == "works");
    }
    let matters = said == [false, false, true];
    if matters {
        conclude(
            "to leave root clears the sets, and to set another user takes CAP_SETUID: keep, change, drop",
        );
    }
    findings.holds("C237", !matters);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    UserFirst,
    CapabilitiesFirst,
    Kept,
}

impl Part for Order {
    fn seal(&mut self) -> Result<()> {
        if *self == Order::Kept {
            quietly("prctl PR_SET_KEEPCAPS").run(|| prctl::set_keepcaps(true))?;
        }
        if *self == Order::CapabilitiesFirst {
            keep()?;
        }
        let user = Uid::from_raw(65534);
        doing("setresuid 65534")
            .like("setpriv --reuid 65534")
            .run(|| setresuid(user, user, user))?;
        if *self == Order::CapabilitiesFirst { Ok(()) } else { keep() }
    }
}

fn keep() -> Result<()> {
    let sets = Sets { permitted: KEPT, effective: KEPT, inheritable: 0 };
    doing("capset CAP_NET_BIND_SERVICE")
        .like("capsh --caps=cap_net_bind_service=ep")
        .run(|| sys::capset(sets))
}
