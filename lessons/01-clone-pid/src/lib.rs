//! Lesson 01: processes and namespaces, and how any container comes to be.
//!
//! There is no container in the kernel. There is a process, cloned into namespaces of its own, and a list of things done
//! to it and around it before it becomes the command. [`bare()`](bare::bare) is the whole idea in twenty lines. A
//! [`Container`] is the same with an order that lasts: each mechanism is a [`Part`], and a part acts at fixed moments.
//!
//! ```text
//!        HOST                                            BOX (the child)
//!
//!   1  prepare()   each part, in order
//!   2  cgroups()   open the groups to be born in
//!   3  clone3 ─────────────────────────────────────────▶ born in its v2 group and new namespaces
//!   4                                                    writes 0 to the tasks file of each v1 group
//!   5  attach(child)                                     waits at the gate
//!      uid_map, a veth end, …
//!   6  go ─────────────────────────────────────────────▶ becomes root of its user namespace, if it has one;
//!                                                        unshares cgroup and time namespace
//!   7                                                    enter()   each part, in order
//!   8  [create returns] ◀─────────────────────── waiting [second gate, when asked for]
//!      start ──────────────────────────────────────────▶
//!   9                                                    stdio; seal()    each part, in order
//!  10                                                    signals reset, descriptors close-on-exec
//!  11  [the card is read] ◀───────────────────── waiting [third gate, when asked for]
//!      go ─────────────────────────────────────────────▶
//!  12  end of file: it worked ◀───────────────────────── execve
//!  13  wait, pass signals on, reap
//!  14  release()   each part, in reverse
//! ```
//!
//! The two sides talk over one pair of sockets. An error of the child travels to the host as text; end of file on the
//! host's side means that `execve` has closed the child's end, on the child's side that the host has died. When any step
//! fails, the parts are released in reverse, and the child dies: killed by the host, at the gate by end of file, and by
//! its parent-death signal if the host itself was killed.
//!
//! Why this order holds for everything to come:
//!
//! | mechanism | moment | reason |
//! | --- | --- | --- |
//! | cgroup v2 | `cgroups`: [`Birth::Into`] | `CLONE_INTO_CGROUP`: limited from its first instruction |
//! | cgroup v1 | `cgroups`: [`Birth::Write`], step 4 | after `enter` it might not see `/sys/fs/cgroup` any more |
//! | cgroup namespace | step 6 | its root is the group its maker is in, so only after joining |
//! | time namespace | step 6, offsets in `enter` | its clocks can be set only before its first process is in it |
//! | user namespace | `attach` writes `uid_map`; step 6 | only the outside may map more than one ID |
//! | network, veth | `attach` | the end is born inside the child's namespace, which the host must name |
//! | mounts, root | `enter` | in list order: mounts before the root they hang in |
//! | overlay | `prepare` on the host, or `enter` rootless | who may mount depends on the owning user namespace |
//! | device nodes, rootless | `prepare` opens, `enter` moves | a user namespace cannot make them, only bind them |
//! | capabilities, seccomp | `seal`, last in the list | every step before them needs what they take away |
//! | init | `seal` forks: PID 1 stays, its child goes on | it must be sealed like the command |
//! | terminal | `seal` opens the pty in the box's `/dev/pts` | the master goes to the host over a socket of the part |
//! | hooks | `attach` (namespaces exist), `enter`, `seal` | OCI's createRuntime, createContainer, startContainer |
//! | exec | [`Container::join`]: steps 2–6 by setns, then 9–12 | a guest is born and sealed like the first process |
//! | OCI create, start | the second gate | the two are different programs: see [`Container::create`] |
//! | half a start | 14, on every path out | `release` must work on a half-made box, and twice |
//! | `delete` elsewhere | 14, from a list rebuilt out of saved state | so a part keeps no memory that it needs for `release` |

pub mod bare;
pub mod beyond;
mod birth;
mod cloning;
mod container;
mod exec;
pub mod flags;
mod guest;
pub mod part;
mod running;
mod sys;
mod telegraph;

pub use container::Container;
pub use part::{Birth, Child, Part};
pub use running::{Created, Output, Running, Status};

use ground::Result;
use ground::call::doing;
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::sethostname;

// ANCHOR: pid-namespace
/// Process numbers of its own: the first process is 1, and sees nobody outside. See pid_namespaces(7).
pub struct PidNamespace;

impl Part for PidNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWPID
    }
}
// ANCHOR_END: pid-namespace

// ANCHOR: uts-namespace
/// A host name of its own. See uts_namespaces(7).
pub struct UtsNamespace {
    /// At most 64 bytes; `None` keeps the copy of the host's.
    pub hostname: Option<String>,
}

impl Part for UtsNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWUTS
    }

    fn enter(&mut self) -> Result<()> {
        let Some(name) = &self.hostname else { return Ok(()) };
        doing(format_args!("sethostname {name}"))
            .like_args(format_args!("hostname {name}"))
            .hint(Errno::EINVAL, "a host name has at most 64 bytes")
            .run(|| sethostname(name))
    }
}
// ANCHOR_END: uts-namespace

/// System V IPC and POSIX message queues of its own. See ipc_namespaces(7).
pub struct IpcNamespace;

impl Part for IpcNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWIPC
    }
}
