//! What pivot_root does not do: take back what is open.

use std::fs::File;

use clone_pid::Container;
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::close;

use crate::attack::{Reached, attack, attack_again, marker};
use crate::boxes::{jail, pivoted};

pub const EXPERIMENT: Experiment = Experiment {
    name: "descriptor-handed-in",
    title: "a directory of the host that is handed in open leads out of every box",
    level: Level::Deep,
    claims: &["C199"],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

/// A number that is not in use: a descriptor's, or the next free one's.
const LEAK: i32 = 100;

fn run(findings: &mut Findings) -> Result<()> {
    let marker = marker()?;
    let verb = ["escape-fd", "0", &marker];
    step("Standard input is a directory of the host: `run … < /`. First the jail");
    let from_jail = attack(with_host_root(jail(&verb)?)?)?;
    step("…then the pivoted box");
    let from_pivoted = attack(with_host_root(pivoted(&verb)?)?)?;
    step("…then a pivoted box whose maker has the directory open, and has not handed it in");
    let closed = with_leak(|number| attack_again(pivoted(&["escape-fd", number, &marker])?))?;
    let leads_out = [from_jail, from_pivoted] == [Reached::Host, Reached::Host];
    let not_without = closed == Reached::Nothing;
    conclude(match (leads_out, not_without) {
        (true, true) => {
            "a descriptor leads where it led, whatever becomes of the root: runc's CVE-2024-21626. The cure is to \
             leave none open, and the kit closes all but standard input, output and error, which are the caller's"
        }
        (true, false) => "they lead out, and the box had another one open that does",
        (false, _) => "one of the two boxes held",
    });
    findings.holds("C199", leads_out && not_without);
    Ok(())
}

/// Runs `attempt` while the host's root is open in this process under the number that it is given, and not marked
/// close-on-exec: what `runc` once forgot.
fn with_leak(attempt: impl FnOnce(&str) -> Result<Reached>) -> Result<Reached> {
    let root = doing("open /").like("exec 100< /").run(|| File::open("/"))?;
    let leak = quietly("dup it").run(|| fcntl(&root, FcntlArg::F_DUPFD(LEAK)))?;
    let reached = attempt(&leak.to_string());
    quietly("close it").run(|| close(leak))?;
    reached
}

fn with_host_root(container: Container) -> Result<Container> {
    let root = doing("open /").like("exec 0< /").run(|| File::open("/"))?;
    container.stdio([Some(root.into()), None, None]).capture()
}
