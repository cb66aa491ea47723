//! A time namespace: another boot time.

use std::fs;

use ground::Result;
use ground::call::doing;
use ground::proc::ns::CLONE_NEWTIME;
use nix::sched::CloneFlags;

use crate::part::Part;

/// The monotonic and boot-time clocks, set forward. The wall clock has no namespace. See time_namespaces(7).
pub struct TimeNamespace {
    /// Seconds by which the box seems to have been up for longer.
    pub uptime: u32,
}

impl Part for TimeNamespace {
    fn namespaces(&self) -> CloneFlags {
        CLONE_NEWTIME
    }

    /// The offsets can be written from the moment of unshare(2) until the first process is in the namespace, and that is
    /// this one after `execve`.
    fn enter(&mut self) -> Result<()> {
        let offset = format!("boottime {} 0", self.uptime);
        doing(format_args!("write \"{offset}\" to /proc/self/timens_offsets"))
            .like_args(format_args!("unshare --time --boottime {} COMMAND", self.uptime))
            .run(|| fs::write("/proc/self/timens_offsets", &offset))
    }
}
