//! How many tasks a box may have, and which of its processes goes first when memory is short.

use std::fs;

use cgroup_cpu::{Group, set};
use clone_pid::{Birth, Part};
use ground::Result;
use ground::call::doing;
use ground::cgroup::Controller;
use nix::errno::Errno;

/// What the kernel was built for, `PID_MAX_LIMIT`: kernel.pid_max may be less.
const MOST: (Errno, &str) =
    (Errno::EINVAL, "no machine has more than 4194304 tasks; -1 is no limit");

// ANCHOR: pids-limit
/// So many tasks at most: processes, their threads, and zombies that nobody has waited for. It is asked at fork(2) and
/// clone(2) only, which then fail with EAGAIN. See the kernel's
/// [process number controller](https://docs.kernel.org/admin-guide/cgroup-v1/pids.html).
pub struct PidsLimit {
    group: Group,
    most: Option<u64>,
}

impl PidsLimit {
    /// So many.
    pub fn tasks(most: u64) -> PidsLimit {
        PidsLimit { group: Group::default(), most: Some(most) }
    }

    /// As many as the groups around it allow.
    pub fn unlimited() -> PidsLimit {
        PidsLimit { group: Group::default(), most: None }
    }

    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> PidsLimit {
        PidsLimit { group: group.clone(), ..self }
    }
}

impl Part for PidsLimit {
    fn prepare(&mut self) -> Result<()> {
        let place = self.group.make(Controller::PIDS)?;
        let most = self.most.map_or_else(|| "max".to_string(), |most| most.to_string());
        set(&place, "pids.max", most, MOST)
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::PIDS)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::PIDS)
    }
}
// ANCHOR_END: pids-limit

// ANCHOR: oom-score
/// What is added, in thousandths of all memory, when the kernel looks for a process to kill: from -1000, never, to 1000,
/// first; `None` leaves what was inherited. It belongs to each process. See proc_pid_oom_score_adj(5).
pub struct OomScore(pub Option<i32>);

impl Part for OomScore {
    /// Last, in every process of the box: what furnishes it should not be killed in its place.
    fn seal(&mut self) -> Result<()> {
        let Some(adjust) = self.0 else { return Ok(()) };
        let file = "/proc/self/oom_score_adj";
        doing(format_args!("write {adjust} to {file}"))
            .like_args(format_args!("echo {adjust} > {file}"))
            .hint(Errno::EACCES, "to go below its lowest so far a process needs CAP_SYS_RESOURCE")
            .hint(Errno::EINVAL, "a number from -1000 to 1000")
            .run(|| fs::write(file, adjust.to_string()))
    }
}
// ANCHOR_END: oom-score
