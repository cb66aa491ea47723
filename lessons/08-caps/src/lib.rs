//! Lesson 08: taking power away.
//!
//! A box of the lessons before has its own view of the machine, its own limits, and still the power of the host's root.
//! What root may do is not one thing. The kernel asks several questions, and each has an answer that can be given away:
//!
//! | the kernel asks | before | the answer is in |
//! | --- | --- | --- |
//! | has it this capability? | each privileged operation | [`Capabilities`]: `CapEff` |
//! | what may an execve give it? | execve(2) | `CapBnd`, [`no_new_privs`](Privileges::no_new_privs) |
//! | is the call itself allowed? | every system call | [`Seccomp`] |
//! | whose file is it? | open, kill, … | [`User`] |
//! | may the device be opened, made? | open, mknod of a device | [`Devices`] |
//! | is the file what it seems? | open of a path | [`Masks`], [`ReadOnlyRoot`], [`Tmpfs`] |
//!
//! All but the last two are given up in `seal`, by every process of the box, and their order is the lesson: each step needs
//! what a later one takes away. [`Privileges`] has it on one screen.
//!
//! Nothing of this is undone by a program in the box. A set-user-ID program, a file with capabilities or an execve by root
//! gives what the bounding set still has, and a filter of system calls can only be narrowed.

pub mod beyond;
mod capabilities;
mod capset;
mod device_node;
pub mod devices;
pub mod flags;
pub mod maps;
mod paths;
pub mod privileged;
mod rlimits;
mod seccomp;
pub mod security;
pub mod storage;
pub mod sys;
mod user_namespace;
pub mod userns;

pub use capabilities::Capabilities;
pub use capset::{CapSet, Capability, last};
pub use device_node::{DeviceNode, Nodes};
pub use devices::Devices;
pub use overlay::beyond::image::{Identity, User};
pub use paths::Masks;
pub use rlimits::{Rlimit, Rlimits};
pub use seccomp::Seccomp;
pub use storage::{ReadOnlyRoot, Tmpfs};
pub use user_namespace::UserNamespace;

use clone_pid::Part;
use ground::Result;
use ground::call::doing;
use ground::story::{evidence, listening};
use nix::sys::prctl;

// ANCHOR: privileges
/// Who the command is and what it may do. List it last: every part before needs what is given up here.
pub struct Privileges {
    set: CapSet,
    ambient: CapSet,
    user: User,
    no_new_privs: bool,
    seccomp: Seccomp,
}

impl Privileges {
    /// Root, with these capabilities and no others; every system call is allowed.
    pub fn keep(set: CapSet) -> Privileges {
        Privileges {
            set,
            ambient: CapSet::NONE,
            user: User::default(),
            no_new_privs: false,
            seccomp: Seccomp::unconfined(),
        }
    }

    /// Another user. It has no capabilities: a set-user-ID program of the box may have those of the set.
    pub fn user(self, user: User) -> Privileges {
        Privileges { user, ..self }
    }

    /// Capabilities that an ordinary user keeps.
    pub fn ambient(self, ambient: CapSet) -> Privileges {
        Privileges { ambient, ..self }
    }

    /// Whether no execve may ever give more than the process has. See prctl(2), PR_SET_NO_NEW_PRIVS.
    pub fn no_new_privs(self, no_new_privs: bool) -> Privileges {
        Privileges { no_new_privs, ..self }
    }

    /// The system calls that are allowed.
    pub fn seccomp(self, seccomp: Seccomp) -> Privileges {
        Privileges { seccomp, ..self }
    }
}

impl Part for Privileges {
    fn seal(&mut self) -> Result<()> {
        let who = self.user.resolve()?;
        let capabilities = match who.uid {
            0 => Capabilities::of_root(self.set),
            _ => Capabilities::of_user(self.set).ambient(self.ambient),
        };
        capabilities.bound()?;
        if !self.no_new_privs {
            // The kernel takes a filter from who has CAP_SYS_ADMIN or has given up new privileges: a set-user-ID program
            // that does not expect its calls to fail could be led to do harm. So now, as long as we have it.
            self.seccomp.install()?;
        }
        who.take(self.ambient != CapSet::NONE)?;
        capabilities.set()?;
        capabilities.check()?;
        if self.no_new_privs {
            doing("prctl PR_SET_NO_NEW_PRIVS")
                .like("setpriv --no-new-privs COMMAND")
                .run(prctl::set_no_new_privs)?;
            // Last of all: then the filter need not even allow what the steps before do.
            self.seccomp.install()?;
        }
        tell(&capabilities);
        Ok(())
    }
}
// ANCHOR_END: privileges

/// The two sets that bound the command, as the kernel has just given them back.
fn tell(read: &Capabilities) {
    if listening() {
        evidence("CapPrm, permitted", read.permitted);
        evidence("CapBnd, bounding", read.bounding);
    }
}
