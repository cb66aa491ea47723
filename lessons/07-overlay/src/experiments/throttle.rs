//! So much in a second.

use cgroup_cpu::write;
use ground::Result;
use ground::cgroup::Version;
use ground::lesson::{Experiment, Findings, Level};
use ground::story::{conclude, muted, step};
use nix::errno::Errno;
use overlay::Rate;

use crate::load::{LOADS, Load};

pub const EXPERIMENT: Experiment = Experiment {
    name: "throttle",
    title: "four limits of a disk: bytes and requests, read and written",
    level: Level::Deep,
    claims: &["C138"],
    needs: LOADS,
    run,
};

const KIB: u64 = 1024;
const REQUESTS: u64 = 20;
/// A load for one second must last at least this; there is no upper bound on a busy machine.
const LEAST: u64 = 700;

fn run(findings: &mut Findings) -> Result<()> {
    step("A disk, and a group without a limit");
    let load = Load::make("throttle", &[])?;
    load.run("write-direct", KIB)?;

    step("Each of the four limits, and a load for a second");
    let mut slow = Vec::new();
    for (rate, verb) in [(Rate::WriteBytes, "write-direct"), (Rate::ReadBytes, "read-direct")] {
        load.limit(rate, KIB << 10)?;
        slow.push(load.run(verb, KIB)? >= LEAST);
        muted(|| load.limit(rate, 0))?;
    }
    for (rate, verb) in [(Rate::WriteRequests, "write-direct"), (Rate::ReadRequests, "read-direct")]
    {
        load.limit(rate, REQUESTS)?;
        slow.push(load.requests(verb, REQUESTS)? >= LEAST);
        muted(|| load.limit(rate, 0))?;
    }
    let all = slow == [true; 4];
    if all {
        conclude("what exceeds the limit waits in the group, not in the disk's queue");
    }

    step("A disk that is not there");
    let place = load.place()?;
    let refused = match place.version {
        Version::V1 => write(&place, "blkio.throttle.write_bps_device", "511:7 1024", NONE),
        Version::V2 => write(&place, "io.max", "511:7 wbps=1024", NONE),
    };
    let refused = refused.is_err_and(|e| e.errno() == Some(Errno::ENODEV));
    findings.holds("C138", all && refused);
    Ok(())
}

const NONE: (Errno, &str) = (Errno::ENODEV, "there is no such disk");
