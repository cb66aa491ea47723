//! The flags that this lesson adds to `run`: Docker's, with Docker's meaning.

use std::ops::Deref;

use clap::Args;
use clone_pid::Part;
use ground::{Error, Result};
use overlay::beyond::image::AsUser;

use crate::devices::Rule;
use crate::security::SecurityOpt;
use crate::storage::TmpfsSpec;
use crate::{
    CapSet, Capability, DeviceNode, Devices, Masks, Nodes, Privileges, ReadOnlyRoot, Rlimit,
    Rlimits, Seccomp, Tmpfs, User, privileged,
};

/// `run --cap-drop ALL` and its relatives.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// Lesson 07's flags.
    #[command(flatten)]
    pub base: overlay::flags::Flags,
    /// Whose users it has.
    #[command(flatten)]
    pub users: crate::userns::Flags,
    /// Give the box a capability: SYS_PTRACE, or ALL
    #[arg(long, value_name = "CAP", value_parser = which)]
    pub cap_add: Vec<Which>,
    /// Take one of the usual 14 from it: NET_RAW, or ALL
    #[arg(long, value_name = "CAP", value_parser = which)]
    pub cap_drop: Vec<Which>,
    /// Nothing is taken from it: every capability, call, device and file
    #[arg(long)]
    pub privileged: bool,
    /// no-new-privileges, seccomp=FILE, seccomp=unconfined, systempaths=unconfined
    #[arg(long, value_name = "OPT")]
    pub security_opt: Vec<SecurityOpt>,
    /// User and group of the command, by number or by name in the box
    #[arg(short, long, value_name = "UID[:GID]|NAME[:GROUP]")]
    pub user: Option<User>,
    /// A supplementary group, by number or by name in the box
    #[arg(long, value_name = "GROUP", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub group_add: Vec<String>,
    /// A limit of each process: nofile=1024, core=0:-1
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub ulimit: Vec<Rlimit>,
    /// A directory in memory: /tmp, /run:size=16m,mode=755
    #[arg(long, value_name = "DST[:OPTIONS]")]
    pub tmpfs: Vec<TmpfsSpec>,
    /// A device of the host: /dev/kvm, /dev/loop0:/dev/disk:r
    #[arg(long, value_name = "HOST[:BOX[:rwm]]")]
    pub device: Vec<DeviceNode>,
    /// Devices that the box may use beside: \"c 10:200 rw\"
    #[arg(long, value_name = "RULE")]
    pub device_cgroup_rule: Vec<Rule>,
}

/// The flags of the lessons before are this one's, too.
impl Deref for Flags {
    type Target = overlay::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

/// One capability, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(Capability),
    /// `ALL`.
    All,
}

fn which(word: &str) -> Result<Which> {
    match word.eq_ignore_ascii_case("all") {
        true => Ok(Which::All),
        false => word.parse().map(Which::One),
    }
}

impl Flags {
    // ANCHOR: set
    /// The capabilities of the box. `available` is what this process may hand on.
    pub fn set(&self, available: CapSet) -> Result<CapSet> {
        let ones = |list: &[Which]| -> CapSet {
            let one = |which: &Which| match which {
                Which::One(capability) => Some(*capability),
                Which::All => None,
            };
            list.iter().filter_map(one).collect()
        };
        let (added, dropped) = (ones(&self.cap_add), ones(&self.cap_drop));
        if let Some(missing) = added.minus(available).iter().next() {
            let what = format!("--cap-add {missing}: this process cannot have it itself");
            return Err(Error::environment(what).remedy(
                "`/proc/self/status`, CapBnd: the container or service around took it away",
            ));
        }
        let all = |list: &[Which]| list.contains(&Which::All);
        Ok(match () {
            () if self.privileged => available,
            () if all(&self.cap_add) => available.minus(dropped),
            () if all(&self.cap_drop) => added,
            () => CapSet(CapSet::DEFAULT.minus(dropped).0 | added.0).and(available),
        })
    }
    // ANCHOR_END: set

    /// User, capabilities, filter: last in the list. `image` is the user that the image names.
    pub fn privileges(&self, image: &AsUser) -> Result<Privileges> {
        let set = self.set(CapSet::available()?)?;
        let user = match (&self.user, image.said()) {
            (Some(user), _) => user.clone(),
            (None, Some(user)) => user.parse()?,
            (None, None) => User::default(),
        };
        let user = user.with_groups(self.group_add.clone());
        let no_new_privs = self.security_opt.iter().rev().find_map(SecurityOpt::no_new_privs);
        Ok(Privileges::keep(set)
            .user(user)
            .no_new_privs(no_new_privs.unwrap_or(false))
            .seccomp(self.seccomp(set)?))
    }

    fn seccomp(&self, set: CapSet) -> Result<Seccomp> {
        match self.security_opt.iter().rev().find_map(SecurityOpt::seccomp) {
            Some(SecurityOpt::Profile(file)) => Seccomp::from_file(file, set),
            Some(SecurityOpt::Unconfined) => Ok(Seccomp::unconfined()),
            None if self.privileged => Ok(Seccomp::unconfined()),
            _ => Seccomp::default_profile(set),
        }
    }

    /// What of `/proc` and `/sys` is covered.
    pub fn masks(&self) -> Masks {
        let open = self.security_opt.contains(&SecurityOpt::SystemPaths);
        if self.privileged || open { Masks::none() } else { Masks::default() }
    }

    /// Which devices may be used.
    pub fn devices(&self) -> Result<Devices> {
        let nodes = self.device.iter().map(DeviceNode::rule).collect::<Result<Vec<_>>>()?;
        let rules = nodes.into_iter().chain(self.device_cgroup_rule.iter().copied()).collect();
        let devices = Devices::default().of(&self.group()).with(rules);
        Ok(if self.privileged { devices.everything() } else { devices })
    }

    /// Those of them that the box finds in its `/dev`.
    pub fn nodes(&self) -> Result<Nodes> {
        let everything = if self.privileged { privileged::nodes()? } else { Vec::new() };
        Ok(Nodes::new(everything.into_iter().chain(self.device.iter().cloned()).collect()))
    }

    /// What only a privileged box has.
    pub fn writable_sys(&self) -> privileged::WritableSys {
        privileged::WritableSys(self.privileged)
    }

    /// Directories in memory, in order.
    pub fn tmpfs(&self) -> TmpfsList {
        TmpfsList(self.tmpfs.iter().cloned().map(Tmpfs::new).collect())
    }

    /// Whether its root can be written.
    pub fn read_only_root(&self) -> ReadOnlyRoot {
        ReadOnlyRoot(self.read_only)
    }

    /// Limits of each process.
    pub fn rlimits(&self) -> Rlimits {
        Rlimits(self.ulimit.clone())
    }
}

/// Any number of them.
pub struct TmpfsList(Vec<Tmpfs>);

impl Part for TmpfsList {
    fn prepare(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(Tmpfs::prepare)
    }

    fn enter(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(Tmpfs::enter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(add: &[&str], drop: &[&str]) -> Result<u64> {
        let list =
            |words: &[&str]| words.iter().map(|word| which(word)).collect::<Result<Vec<_>>>();
        let flags = Flags { cap_add: list(add)?, cap_drop: list(drop)?, ..Flags::default() };
        // A root without CAP_SYS_RESOURCE, as in some machines that are rented.
        flags.set(CapSet(0x1ff_feff_ffff)).map(|set| set.0)
    }

    #[test]
    fn as_docker_counts() {
        let default = CapSet::DEFAULT.0;
        assert_eq!(set(&[], &[]).unwrap(), default);
        assert_eq!(set(&["SYS_ADMIN"], &[]).unwrap(), default | 1 << 21);
        assert_eq!(set(&[], &["CHOWN"]).unwrap(), default & !1);
        assert_eq!(set(&[], &["all"]).unwrap(), 0);
        assert_eq!(set(&["KILL"], &["ALL"]).unwrap(), 1 << 5);
        assert_eq!(set(&["ALL"], &["KILL"]).unwrap(), 0x1ff_feff_ffff & !(1 << 5));
        assert_eq!(set(&["KILL"], &["KILL"]).unwrap(), default);
    }

    #[test]
    fn nobody_gives_what_he_does_not_have() {
        let said = set(&["SYS_RESOURCE"], &[]).unwrap_err().to_string();
        assert!(said.contains("CAP_SYS_RESOURCE"), "{said}");
        assert!(set(&["SYS_MAGIC"], &[]).is_err());
    }
}
