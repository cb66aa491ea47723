//! `doctor`: what this machine can do, and the exact remedy for what it cannot.
//!
//! | what it looks at | in |
//! | --- | --- |
//! | kernel, distribution, virtual machine or container, the root mount | `machine` |
//! | root, sudo, missing capabilities, user namespaces | `privileges` |
//! | every [`Need`], tried where it can be tried | `ways` |
//! | hierarchies of cgroups, and what of them is delegated | `cgroups` |
//! | forwarding, and who else decides about it | `forwarding`, `legacy` |
//! | where boxes are kept, and what they are made of | `tools` |
//!
//! It may run as anybody. An ordinary user is told what root would see, by looking from outside.

pub(crate) mod capability;
mod cgroups;
mod distribution;
mod forwarding;
mod legacy;
mod machine;
mod privileges;
mod report;
mod surroundings;
mod tools;
mod ways;

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::needs::Need;
use crate::proc::Process;
use distribution::Distribution;
pub use report::render;
use ways::Ways;

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As the lessons need it.
    Ok,
    /// Neither good nor bad.
    Info,
    /// There, with a restriction that the remedy lifts.
    Limited,
    /// Not there.
    Missing,
}

/// Under which heading it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Group {
    Machine,
    Privileges,
    Kernel,
    Cgroups,
    Network,
    Lessons,
}

/// One line of the diagnosis.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Identifier; that of the need, when it is one that experiments name.
    pub id: String,
    /// Its heading.
    pub group: Group,
    /// How it stands.
    pub status: Status,
    /// What was looked at, and what was seen.
    pub what: String,
    /// The lessons of which at least a part depends on it.
    pub lessons: Vec<String>,
    /// A command to type, or what else to do.
    pub remedy: Option<String>,
}

impl Finding {
    fn new(group: Group, id: &str, status: Status, what: impl Into<String>) -> Finding {
        let (id, what) = (id.to_string(), what.into());
        Finding { id, group, status, what, lessons: Vec::new(), remedy: None }
    }

    fn affects(mut self, lessons: &[u8]) -> Finding {
        self.lessons = lessons.iter().map(|lesson| number(*lesson)).collect();
        self
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Finding {
        self.remedy = Some(remedy.into());
        self
    }
}

fn number(lesson: u8) -> String {
    format!("{lesson:02}")
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// Group by group.
    pub findings: Vec<Finding>,
    /// 0 when every lesson can be run somehow, 1 when some can, 2 when none can.
    pub status: u8,
}

/// Looks at everything. Forks: the caller must have a single thread.
///
/// # Errors
/// Kind `Environment` without a mounted `/proc`: nothing can be known then.
pub fn examine() -> Result<Diagnosis> {
    proc_is_mounted()?;
    let distribution = Distribution::read();
    let ways = Ways::try_all();
    let mut findings = machine::findings(&distribution)?;
    findings.extend(tools::findings(&distribution));
    findings.extend(privileges::findings(&ways)?);
    findings.extend(needs(Group::Kernel, &ways, &distribution));
    findings.extend(cgroups::findings()?);
    findings.extend(needs(Group::Cgroups, &ways, &distribution));
    findings.extend(needs(Group::Network, &ways, &distribution));
    findings.extend(tools::nft(&distribution));
    findings.extend(forwarding::findings());
    let (lessons, status) = ways.lessons();
    findings.extend(lessons);
    Ok(Diagnosis { findings, status })
}

/// Everything of the kit stands on a `/proc` that knows this process.
///
/// # Errors
/// Kind `Environment` when it does not.
pub fn proc_is_mounted() -> Result<()> {
    let unknown = |_| {
        Error::environment("/proc does not show this process")
            .remedy("mount -t proc proc /proc, as root")
    };
    Process::this().status().map(drop).map_err(unknown)
}

fn needs(group: Group, ways: &Ways, distribution: &Distribution) -> Vec<Finding> {
    let of_group = Need::ALL.iter().filter(|need| group_of(**need) == group);
    of_group.map(|need| ways.finding(group, *need, distribution)).collect()
}

fn group_of(need: Need) -> Group {
    use Need::*;
    match need {
        Admin | InitialRoot | Mknod | UserNamespaces => Group::Privileges,
        CpuController | CpusetController | Freezer | MemoryController | PidsController
        | IoController => Group::Cgroups,
        NetworkNamespaces | Veth | Bridge | Nftables | Macvlan | Ipvlan | Vxlan | Iproute2 => {
            Group::Network
        }
        _ => Group::Kernel,
    }
}

/// The lessons that need something.
fn every_lesson() -> BTreeSet<u8> {
    Need::ALL.iter().flat_map(|need| need.lessons()).copied().collect()
}
