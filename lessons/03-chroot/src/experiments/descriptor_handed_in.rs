//! What pivot_root does not do: take back what is open.

use std::fs::File;

use clone_pid::Container;
use ground::Result;
use ground::call::doing;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, step};

use crate::attack::{Reached, attack, attack_again, marker};
use crate::boxes::{jail, pivoted};

pub const EXPERIMENT: Experiment = Experiment {
    name: "descriptor-handed-in",
    title: "a directory of the host that is handed in open leads out of every box",
    level: Level::Deep,
    claims: &[],
    needs: &[Need::Admin, Need::Clone3],
    run,
};

fn run(_: &mut Findings) -> Result<()> {
    let marker = marker()?;
    let verb = ["escape-fd", "0", &marker];
    step("Standard input is a directory of the host: `run … < /`. First the jail");
    let from_jail = attack(with_host_root(jail(&verb)?)?)?;
    step("…then the pivoted box");
    let from_pivoted = attack(with_host_root(pivoted(&verb)?)?)?;
    step("…then the pivoted box with nothing but what the kit leaves open");
    let closed = attack_again(pivoted(&["escape-fd", "3", &marker])?)?;
    conclude(match (from_jail, from_pivoted, closed) {
        (Reached::Host, Reached::Host, Reached::Nothing) => {
            "a descriptor leads where it led, whatever becomes of the root: runc's CVE-2024-21626. The cure is to \
             leave none open, and the kit closes all but standard input, output and error, which are the caller's"
        }
        _ => "this kernel guards a root against descriptors",
    });
    Ok(())
}

fn with_host_root(container: Container) -> Result<Container> {
    let root = doing("open /").like("exec 0< /").run(|| File::open("/"))?;
    container.stdio([Some(root.into()), None, None]).capture()
}
