//! The flags about users: `--userns`, `--uidmap`, `--gidmap`.

use clap::{Args, ValueEnum};
use ground::needs::in_initial_user_namespace;
use ground::proc::Process;
use ground::proc::idmap::IdMap;
use ground::{Error, Result};
use mount_ns::{Dev, Sys, VolumeSpec};

use overlay::flags::Root;

use crate::UserNamespace;
use crate::beyond::idmap::{MappedRoot, MappedVolumes};
use crate::maps::{self, Maps};

/// The range that adduser(8) gives the first user of a machine.
const FIRST: u32 = 100_000;
const USUAL: u32 = 65_536;

/// Whose users a box has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Users {
    /// Those of whoever starts it: the host's, for root
    Host,
    /// Its own: a user namespace
    Private,
}

/// `run --userns private --uidmap 0:100000:65536`.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // one of several groups of this lesson's
pub struct Flags {
    /// Whose users and groups the box has; host when left out
    #[arg(long, value_name = "WHOSE")]
    pub userns: Option<Users>,
    /// Users of the box that are those of the host; may be repeated; groups are mapped alike without --gidmap
    #[arg(long = "uidmap", value_name = "INSIDE:OUTSIDE:LENGTH", value_parser = maps::parse)]
    pub uids: Vec<IdMap>,
    /// The same for groups; may be repeated
    #[arg(long = "gidmap", value_name = "INSIDE:OUTSIDE:LENGTH", value_parser = maps::parse)]
    pub gids: Vec<IdMap>,
}

impl Flags {
    /// The maps of the box's user namespace, if it is to have one.
    pub fn maps(&self) -> Result<Option<Maps>> {
        let given = !(self.uids.is_empty() && self.gids.is_empty());
        match self.userns {
            Some(Users::Host) if given => {
                Err(Error::usage("--uidmap and --gidmap map the users of a user namespace")
                    .remedy("leave --userns host out"))
            }
            None if !given => Ok(None),
            Some(Users::Host) => Ok(None),
            _ if !given => usual_maps().map(Some),
            _ => Ok(Some(self.given())),
        }
    }

    /// What was said of one kind is meant for the other, too.
    fn given(&self) -> Maps {
        let or = |some: &Vec<IdMap>, else_: &Vec<IdMap>| {
            if some.is_empty() { else_.clone() } else { some.clone() }
        };
        Maps { uids: or(&self.uids, &self.gids), gids: or(&self.gids, &self.uids) }
    }

    /// The user namespace, if the box is to have one.
    pub fn namespace(&self) -> Result<Option<UserNamespace>> {
        self.maps()?.map(UserNamespace::mapped).transpose()
    }

    /// The owners of the root file system, where they can be mapped: not for an ordinary user, and not those of layers.
    pub fn mapped_root(&self, root: &Root) -> Result<Option<MappedRoot>> {
        let Some(maps) = self.maps()?.filter(|_| in_initial_user_namespace()) else {
            return Ok(None);
        };
        match root {
            Root::Plain(rootfs) => Ok(Some(MappedRoot::new(rootfs.path(), maps))),
            Root::Layered(..) => {
                let what = "--userns private: the owners of an overlay cannot be mapped";
                Err(Error::usage(what).remedy(
                    "give the box a directory: --rootfs DIR, without --image, --layer, --overlay and --read-only",
                ))
            }
        }
    }

    /// Whether the box has a user namespace of its own.
    fn is_private(&self) -> bool {
        self.userns == Some(Users::Private) || !(self.uids.is_empty() && self.gids.is_empty())
    }

    /// Its `/dev`: the root of a user namespace can make no device nodes.
    pub fn dev(&self) -> Dev {
        if self.is_private() { Dev::lent() } else { Dev::default() }
    }

    /// Its `/sys`: the host's, as long as it has the host's network.
    pub fn sys(&self) -> Sys {
        if self.is_private() { Sys::lent() } else { Sys::default() }
    }

    /// The volumes of lesson 02, and those that are mapped.
    pub fn volumes(&self, volumes: &[VolumeSpec]) -> Result<MappedVolumes> {
        Ok(MappedVolumes::new(volumes.to_vec(), self.maps()?))
    }
}

/// For root of the host 65536 users who own nothing. For an ordinary user, who is root of a user namespace already, all that
/// it has but itself; if it has nobody else, itself.
fn usual_maps() -> Result<Maps> {
    if in_initial_user_namespace() {
        return Ok(Maps::from_zero(FIRST, USUAL));
    }
    let others = Maps {
        uids: others(&Process::this().uid_map()?),
        gids: others(&Process::this().gid_map()?),
    };
    let alone = others.uids.is_empty() || others.gids.is_empty();
    Ok(if alone { Maps::from_zero(0, 1) } else { others })
}

/// Every line of the outer map without 0, shifted by one: no line may cross two of the outer.
fn others(here: &[IdMap]) -> Vec<IdMap> {
    let line = |outer: &IdMap| {
        let (first, end) = (outer.inside.max(1), outer.inside.checked_add(outer.length)?);
        let length = end.checked_sub(first).filter(|length| *length > 0)?;
        Some(IdMap { inside: first - 1, outside: first, length })
    };
    here.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(inside: u32, outside: u32, length: u32) -> IdMap {
        IdMap { inside, outside, length }
    }

    #[test]
    fn the_users_beside_oneself_become_those_of_the_box() {
        let here = [line(0, 1000, 1), line(1, 100000, 65536)];
        assert_eq!(others(&here), [line(0, 1, 65536)]);
        assert_eq!(others(&[line(0, 1000, 1)]), []);
    }

    #[test]
    fn one_kind_is_meant_for_both() {
        let flags = Flags { uids: vec![line(0, 5, 1)], ..Flags::default() };
        assert_eq!(flags.maps().unwrap().unwrap().gids, [line(0, 5, 1)]);
        assert_eq!(Flags::default().maps().unwrap(), None);
        let both = Flags { userns: Some(Users::Host), ..flags };
        assert!(both.maps().is_err());
    }
}
