//! Four faults, found by what the kernel says.

use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, step};

use crate::broken::{Fault, diagnose, lay, mend, reaches_world};
use crate::stage::WITH_RULES;

pub const ROUTE: Experiment =
    experiment("broken-route", "a box without a default route", &["C210"], |findings| {
        decide(findings, "C210", Fault::Route)
    });

pub const FORWARDING: Experiment =
    experiment("broken-forwarding", "a host that does not forward", &["C211"], |findings| {
        decide(findings, "C211", Fault::Forwarding)
    });

pub const FILTER: Experiment = experiment(
    "broken-filter",
    "somebody's chain at the forward hook drops",
    &["C164", "C212"],
    filter,
);

pub const MASQUERADE: Experiment = experiment(
    "broken-masquerade",
    "a box whose address nobody outside can answer",
    &["C213"],
    |findings| decide(findings, "C213", Fault::Masquerade),
);

const fn experiment(
    name: &'static str,
    title: &'static str,
    claims: &'static [&'static str],
    run: fn(&mut Findings) -> Result<()>,
) -> Experiment {
    Experiment { name, title, level: Level::Deep, claims, needs: WITH_RULES, run }
}

fn decide(findings: &mut Findings, claim: &str, fault: Fault) -> Result<()> {
    findings.holds(claim, shown(fault)?);
    Ok(())
}

/// Breaks it, finds the fault and no other, mends it: whether all of that was seen.
fn shown(fault: Fault) -> Result<bool> {
    step(
        "A box that should reach a machine outside. What does the kernel say at each place on the way?",
    );
    let world = lay(fault)?;
    let lost = !reaches_world(&world)?;
    let found = diagnose(&world)?;
    for fault in &found {
        conclude(fault.sentence());
    }
    step("Give it what is missing");
    found.iter().try_for_each(|fault| mend(&world, *fault))?;
    let mended = reaches_world(&world)? && diagnose(&world)?.is_empty();
    Ok(lost && found == [fault] && mended)
}

/// The rules of packet filters are one of the places to look at, and the bridge must answer first.
fn filter(findings: &mut Findings) -> Result<()> {
    let world = lay(Fault::Filter)?;
    step("First the bridge: does the box reach its gateway?");
    let bridge = world.inside.ping(crate::stage::GATEWAY)?.went_well();
    if bridge {
        conclude("cable, bridge and addresses are in order: the fault is behind the bridge");
    }
    let found = shown(Fault::Filter)?;
    findings.because("it does not end there: default route, ip_forward, rp_filter and bridge-nf-call-iptables belong to it");
    findings.holds("C164", bridge && found);
    findings.holds("C212", found);
    Ok(())
}
