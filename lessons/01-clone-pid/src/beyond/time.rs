//! A time namespace: another boot time.

use std::fs::{self, File};

use ground::Result;
use ground::call::{doing, quietly};
use ground::proc::ns::CLONE_NEWTIME;
use nix::sched::{CloneFlags, setns};

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

    /// The offsets can be written from the moment of unshare(2) until the first process is in the namespace. That is then
    /// this one: newer kernels would move it at `execve`, older ones only its children.
    fn enter(&mut self) -> Result<()> {
        let offset = format!("boottime {} 0", self.uptime);
        doing(format_args!("write \"{offset}\" to /proc/self/timens_offsets"))
            .like_args(format_args!("unshare --time --boottime {} COMMAND", self.uptime))
            .run(|| fs::write("/proc/self/timens_offsets", &offset))?;
        let made = quietly("open /proc/self/ns/time_for_children")
            .run(|| File::open("/proc/self/ns/time_for_children"))?;
        doing("setns CLONE_NEWTIME, the one just made")
            .like("nsenter --time=/proc/self/ns/time_for_children COMMAND")
            .run(|| setns(made, CLONE_NEWTIME))
    }
}
