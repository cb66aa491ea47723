//! The bare thing: no list, no gate, no error travelling back. What it forgets is what the rest of the crate is for.

use ground::Result;
use ground::call::doing;
use nix::sched::CloneFlags;
use nix::unistd::getpid;

use crate::part::Child;
use crate::sys::{self, Cloned};

// ANCHOR: bare
/// Clones a child into a PID namespace of its own. The child asks for its number and exits with it; returns the child's
/// number here, and its number there.
pub fn bare() -> Result<(nix::unistd::Pid, i32)> {
    let cloned = doing("clone3 CLONE_NEWPID")
        .like("unshare --pid --fork sh -c 'exit $$'")
        .run_showing(|| sys::clone3(CloneFlags::CLONE_NEWPID, None), Cloned::told)?;
    let child = match cloned {
        Cloned::Child => sys::exit_now(getpid().as_raw()),
        Cloned::Parent(pid, pidfd) => Child::new(pid, pidfd),
    };
    let end = doing("waitid").like("wait").run(|| sys::reap(&child))?;
    Ok((child.pid(), end.unwrap_or(-1)))
}
// ANCHOR_END: bare
