//! The five sets of a process, and how they are given up.

use std::fmt::{self, Display};

use ground::call::{doing, quietly};
use ground::error::Kind;
use ground::proc::{Process, status};
use ground::{Error, Result};
use nix::errno::Errno;

use crate::sys::{self, Sets};
use crate::{CapSet, Capability};

// ANCHOR: capabilities
/// The five sets of a process. What a command can ever hold is bounded by two of them: `permitted` is what it has, and
/// `bounding` what an execve(2) may add, from a set-user-ID program or from a file's capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What execve may give.
    pub bounding: CapSet,
    /// What the process may make effective.
    pub permitted: CapSet,
    /// What the kernel looks at.
    pub effective: CapSet,
    /// What stays permitted over execve if the file says so, too. Docker left the whole set here until CVE-2022-24769.
    pub inheritable: CapSet,
    /// What stays over execve without any file's saying so; it must be permitted and inheritable.
    pub ambient: CapSet,
}

impl Capabilities {
    /// These, for a root that keeps them, and nothing that is inherited otherwise.
    pub fn of_root(set: CapSet) -> Capabilities {
        let none = CapSet::NONE;
        Capabilities {
            bounding: set,
            permitted: set,
            effective: set,
            inheritable: none,
            ambient: none,
        }
    }

    /// For an ordinary user: none. They are what a set-user-ID program of the box may have, and no more.
    pub fn of_user(set: CapSet) -> Capabilities {
        let none = CapSet::NONE;
        Capabilities { permitted: none, effective: none, ..Capabilities::of_root(set) }
    }

    /// For an ordinary user who keeps some over execve.
    pub fn ambient(self, set: CapSet) -> Capabilities {
        let with = |old: CapSet| CapSet(old.0 | set.0);
        Capabilities {
            permitted: with(self.permitted),
            effective: with(self.effective),
            inheritable: with(self.inheritable),
            ambient: set,
            ..self
        }
    }

    /// First, while CAP_SETPCAP is there: what leaves the bounding set comes back by no execve.
    pub fn bound(&self) -> Result<()> {
        doing(format_args!("prctl PR_CAPBSET_DROP all but {}", self.bounding))
            .like("capsh --drop=cap_sys_admin,… --")
            .hint(Errno::EPERM, "this needs CAP_SETPCAP")
            .run(|| drop_all_but(self.bounding))
    }

    /// Then the thread's own sets. In between the user may change: that empties them, unless securebits keep them.
    pub fn set(&self) -> Result<()> {
        let [permitted, effective, inheritable] =
            [self.permitted, self.effective, self.inheritable].map(|set| set.0);
        doing(format_args!("capset {permitted:016x}"))
            .like("capsh --caps=… --")
            .hint(
                Errno::EPERM,
                "nobody can give what he does not have: look at CapPrm of `/proc/self/status`",
            )
            .run(|| sys::capset(Sets { permitted, effective, inheritable }))?;
        quietly("prctl PR_CAP_AMBIENT_CLEAR_ALL").run(sys::ambient_clear)?;
        self.ambient.iter().try_for_each(|one| {
            doing(format_args!("prctl PR_CAP_AMBIENT_RAISE {one}"))
                .like_args(format_args!("capsh --addamb={one} --"))
                .run(|| sys::ambient_raise(one.0))
        })
    }
    // ANCHOR_END: capabilities

    /// Asks the kernel what it has made of all that. A box that kept more than it should does not start.
    pub fn check(&self) -> Result<()> {
        let found = Capabilities::now()?;
        match found == *self {
            true => Ok(()),
            false => {
                let what = format!("the capabilities are {found}, and should be {self}");
                Err(Error::new(Kind::Failed, what))
            }
        }
    }

    /// Those of this process. `/proc` has all five in one file; where the box has none, prctl(2) tells two of them bit by bit.
    fn now() -> Result<Capabilities> {
        if let Ok(status) = Process::this().status() {
            return Ok(Capabilities::from(status.capabilities));
        }
        let sets = quietly("capget").run(sys::capget)?;
        Ok(Capabilities {
            bounding: read(sys::bounding_has),
            permitted: CapSet(sets.permitted),
            effective: CapSet(sets.effective),
            inheritable: CapSet(sets.inheritable),
            ambient: read(sys::ambient_has),
        })
    }
}

impl From<status::Capabilities> for Capabilities {
    fn from(of: status::Capabilities) -> Capabilities {
        Capabilities {
            bounding: CapSet(of.bounding),
            permitted: CapSet(of.permitted),
            effective: CapSet(of.effective),
            inheritable: CapSet(of.inheritable),
            ambient: CapSet(of.ambient),
        }
    }
}

/// One after the other, up to the first number that this kernel does not know.
fn drop_all_but(kept: CapSet) -> nix::Result<()> {
    for Capability(number) in CapSet(!kept.0).iter() {
        match sys::bounding_drop(number) {
            Err(Errno::EINVAL) => break,
            // Nobody needs CAP_SETPCAP for what is not there.
            Err(Errno::EPERM) if sys::bounding_has(number) != Ok(true) => {}
            other => other?,
        }
    }
    Ok(())
}

/// A set that prctl(2) tells bit by bit, up to the first that this kernel does not know.
fn read(has: fn(u8) -> nix::Result<bool>) -> CapSet {
    let known = (0..64).map_while(|number| has(number).ok().map(|it| (Capability(number), it)));
    known.filter(|(_, it)| *it).map(|(capability, _)| capability).collect()
}

impl Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Capabilities { bounding, permitted, effective, inheritable, ambient } = self;
        write!(f, "bounding {bounding}, permitted {permitted}, effective {effective}, ")?;
        write!(f, "inheritable {inheritable}, ambient {ambient}")
    }
}
