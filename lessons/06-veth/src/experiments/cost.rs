//! What a bridge costs, against macvlan and against no network at all. Times vary with the load of the machine: they are
//! shown, and what is counted decides.

use std::net::IpAddr;

use clone_pid::beyond::Report;
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, muted, step};
use ground::text::{count, size, time};
use veth::netlink::link;

use super::macvlan::on_uplink;
use crate::stage::{BRIDGED, Node, OUTSIDE, World};

pub const EXPERIMENT: Experiment = Experiment {
    name: "cost",
    title: "what a bridge costs, against macvlan and loopback: receptions, time, bandwidth",
    level: Level::Deep,
    claims: &["C153"],
    needs: &Need::and::<6>(BRIDGED, &[Need::Macvlan]),
    run,
};

const ECHOES: u64 = 2000;

/// What this machine has received since boot: runs of the softirq NET_RX, and frames that went through the receiving side.
fn received() -> Result<(u64, u64)> {
    let read = |file: &'static str| {
        quietly(format_args!("read {file}")).run(|| std::fs::read_to_string(file))
    };
    let softirqs = read("/proc/softirqs")?;
    let line = softirqs.lines().find_map(|line| line.trim().strip_prefix("NET_RX:"));
    let runs = line.unwrap_or_default().split_whitespace();
    let frames = read("/proc/net/softnet_stat")?;
    let frames = frames.lines().filter_map(|line| line.split_whitespace().next());
    Ok((
        runs.filter_map(|word| word.parse::<u64>().ok()).sum(),
        frames.filter_map(|word| u64::from_str_radix(word, 16).ok()).sum(),
    ))
}

/// What an echo and its reply cost. Softirqs and frames are in hundredths.
struct Cost {
    softirqs: u64,
    frames: u64,
    microseconds: u64,
}

/// Of three runs the one that others disturbed least.
fn echoes(from: &Node, to: IpAddr) -> Result<Cost> {
    let mut least = Cost { softirqs: u64::MAX, frames: u64::MAX, microseconds: u64::MAX };
    for _ in 0..3 {
        let before = received()?;
        let ping = muted(|| from.ping_with(to, &ECHOES.to_string()))?;
        let after = received()?;
        least = Cost {
            softirqs: least.softirqs.min((after.0 - before.0) * 100 / ECHOES),
            frames: least.frames.min((after.1 - before.1) * 100 / ECHOES),
            microseconds: least.microseconds.min(ping.microseconds),
        };
    }
    Ok(least)
}

/// MiB a second by TCP.
fn bandwidth(from: &Node, to: &Node, address: IpAddr) -> Result<u64> {
    let server = to.serve(&format!("tcp-drain {address}:5001"))?;
    from.run(&format!("tcp-pump {address}:5001 128"))?;
    let report = Report::parse(&muted(|| server.output())?.text);
    let number = |key| Ok::<u64, ground::Error>(report.get(key)?.parse().unwrap_or(0));
    Ok((number("bytes")? * 1_000_000 / number("us")?.max(1)) >> 20)
}

fn measure(what: &str, from: &Node, to: &Node, address: IpAddr) -> Result<Cost> {
    let cost = echoes(from, address)?;
    let exact = |hundredths: u64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
    evidence(
        format!("{what}: frames received for an echo and its reply"),
        count(exact(cost.frames)),
    );
    evidence(format!("{what}: runs of the softirq NET_RX"), count(exact(cost.softirqs)));
    evidence(format!("{what}: median round trip, µs"), time(cost.microseconds));
    evidence(format!("{what}: MiB/s by TCP"), size(bandwidth(from, to, address)?));
    Ok(cost)
}

fn run(findings: &mut Findings) -> Result<()> {
    step("No network: a namespace talks to itself");
    let world = World::with_outside()?;
    world.inside.perform(link::set_loopback_up())?;
    measure("loopback", &world.inside, &world.inside, [127, 0, 0, 1].into())?;

    step("macvlan: a box at the host's uplink, to the machine at its other end");
    let near = muted(|| on_uplink(&world, "box"))?;
    let macvlan = measure("macvlan", &near, &world.outside, OUTSIDE.into())?;

    step("veth and bridge: a box at one port, another at the next");
    let other = world.join("other", "port2", "10.77.0.3/24")?;
    let bridge = measure("veth and bridge", &world.inside, &other, [10, 77, 0, 3].into())?;
    let more = bridge.frames * 10 > macvlan.frames * 11;
    let in_one = bridge.softirqs * 10 < macvlan.softirqs * 15;
    if more && in_one {
        conclude(
            "a bridge has one cable more, and each cable is one reception more. But the kernel takes them in the softirq that runs already: there is no further one",
        );
    }
    findings
        .because("one reception more for each frame; it is worked off in the same run of NET_RX");
    findings.partly("C153", more, in_one);
    Ok(())
}
