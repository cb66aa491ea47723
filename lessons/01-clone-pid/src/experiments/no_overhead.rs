//! Is a system call slower in a container?

use clone_pid::{Container, IpcNamespace, PidNamespace, UtsNamespace};
use ground::Result;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::proc::ns::Namespace;
use ground::story::{self, box_evidence, conclude, evidence, step};
use ground::text::time;

use super::{Only, Report, probing};

pub const EXPERIMENT: Experiment = Experiment {
    name: "no-overhead",
    title: "a system call costs the same inside",
    level: Level::Deep,
    claims: &["C016"],
    needs: &[Need::Admin, Need::Clone3, Need::NetworkNamespaces],
    run,
};

const CALLS: u32 = 200_000;
const ROUNDS: usize = 8;
/// Noise of a shared machine. What would be slower: a kernel in user space, as gVisor's, which intercepts every call and
/// costs several times as much; a long seccomp filter, which the kernel runs before each call.
const TOLERANCE: f64 = 1.5;

fn run(findings: &mut Findings) -> Result<()> {
    step(format!(
        "Time {CALLS} getppid calls, best of {ROUNDS} rounds, on the host and in a box, in turn"
    ));
    let (host, boxed) = story::muted(best_of_rounds)?;
    evidence("nanoseconds a call", time(format_args!("{host:.1}")));
    box_evidence("nanoseconds a call", time(format_args!("{boxed:.1}")));
    let same = boxed < host * TOLERANCE;
    conclude(match same {
        true => "the same kernel executes the same call: a namespace is looked up, not emulated",
        false => "inside, the call took longer than the noise of a shared machine explains",
    });
    findings.because("for plain system calls; seccomp, overlay and NAT do cost something");
    findings.holds("C016", same);
    Ok(())
}

fn best_of_rounds() -> Result<(f64, f64)> {
    let (mut host, mut boxed) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        host = host.min(nanoseconds(measuring()?)?);
        boxed = boxed.min(nanoseconds(isolated(measuring()?))?);
    }
    Ok((host, boxed))
}

fn measuring() -> Result<Container> {
    probing(&format!("getppid-loop {CALLS}"))
}

fn isolated(container: Container) -> Container {
    let uts = UtsNamespace { hostname: None };
    let kinds = [Namespace::Mount, Namespace::Network, Namespace::Cgroup];
    let base = container.with(PidNamespace).with(uts).with(IpcNamespace);
    kinds.into_iter().fold(base, |container, kind| container.with(Only(kind)))
}

fn nanoseconds(container: Container) -> Result<f64> {
    let report = Report::of(container)?;
    Ok(report.get("ns-per-call")?.parse().unwrap_or(f64::MAX))
}
