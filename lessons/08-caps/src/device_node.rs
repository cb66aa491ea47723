//! Devices of the host in the box's `/dev`.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;
use std::str::FromStr;

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::text::path;
use ground::{Error, Result};
use mount_ns::beyond::destination::{self, HostRoot};
use mount_ns::sys::Detached;
use nix::sys::stat::{major, minor};

use crate::devices::{Rule, access_of};

/// `HOST[:BOX[:rwm]]`: a device of the host in the box's `/dev`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceNode {
    source: PathBuf,
    destination: PathBuf,
    access: [bool; 3],
}

impl FromStr for DeviceNode {
    type Err = Error;

    fn from_str(spec: &str) -> Result<DeviceNode> {
        let wrong =
            || Error::usage("not of the form HOST[:BOX[:rwm]], such as /dev/loop0:/dev/disk:r");
        let fields: Vec<_> = spec.split(':').collect();
        let (source, destination, access) = match fields[..] {
            [source] => (source, source, "rwm"),
            [source, access] if access_of(access).is_some() => (source, source, access),
            [source, destination] => (source, destination, "rwm"),
            [source, destination, access] => (source, destination, access),
            _ => return Err(wrong()),
        };
        let access = access_of(access).ok_or_else(wrong)?;
        let (source, destination) = (PathBuf::from(source), PathBuf::from(destination));
        let good =
            source.is_absolute() && destination.is_absolute() && destination.file_name().is_some();
        if good { Ok(DeviceNode { source, destination, access }) } else { Err(wrong()) }
    }
}

impl DeviceNode {
    /// One at the same place, for everything.
    pub(crate) fn all_of(node: PathBuf) -> DeviceNode {
        DeviceNode { source: node.clone(), destination: node, access: [true; 3] }
    }

    /// What it means for the list.
    pub fn rule(&self) -> Result<Rule> {
        let shown = path(self.source.display());
        let about = quietly(format_args!("stat {shown}")).run(|| fs::metadata(&self.source))?;
        let kind = match about.file_type() {
            kind if kind.is_char_device() => 'c',
            kind if kind.is_block_device() => 'b',
            _ => return Err(Error::usage(format!("{shown} is no device"))),
        };
        let [read, write, mknod] = self.access;
        let number = |number: u64| Some(number as u32);
        let (major, minor) = (number(major(about.rdev())), number(minor(about.rdev())));
        Ok(Rule { kind, major, minor, read, write, mknod })
    }
}

/// Nodes of the host, bound into the box: nothing is made, so that it works in a user namespace, too.
#[derive(Default)]
pub struct Nodes {
    nodes: Vec<(DeviceNode, Option<Detached>)>,
    host_root: HostRoot,
}

impl Nodes {
    /// These.
    pub fn new(nodes: Vec<DeviceNode>) -> Nodes {
        Nodes { nodes: nodes.into_iter().map(|node| (node, None)).collect(), ..Nodes::default() }
    }
}

impl Part for Nodes {
    fn prepare(&mut self) -> Result<()> {
        self.host_root = HostRoot::here()?;
        self.nodes.iter_mut().try_for_each(|(node, copy)| {
            let what = format!("open_tree {}", path(node.source.display()));
            let found = quietly(what).run(|| Detached::copy(&node.source))?;
            quietly("mount_setattr MS_PRIVATE").run(|| found.make_private())?;
            *copy = Some(found);
            Ok(())
        })
    }

    fn enter(&mut self) -> Result<()> {
        for (node, copy) in &self.nodes {
            let Some(copy) = copy else { continue };
            let target = destination::open(&node.destination, copy, &self.host_root)?;
            let (source, shown) = (path(node.source.display()), node.destination.display());
            doing(format_args!("move_mount {source} to {shown}"))
                .like_args(format_args!("mount --bind {source} {shown}"))
                .run(|| copy.attach(target.as_fd(), ""))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_up_to_three_fields() {
        let node = |spec: &str| spec.parse::<DeviceNode>();
        assert_eq!(node("/dev/kvm").unwrap().destination, PathBuf::from("/dev/kvm"));
        assert_eq!(node("/dev/kvm:r").unwrap().access, [true, false, false]);
        assert_eq!(node("/dev/kvm:/dev/x:rw").unwrap().access, [true, true, false]);
        assert!(
            ["", "kvm", "/dev/kvm:x", "/a:/b:", "/a:/b:r:w", "/a:/b:z"]
                .iter()
                .all(|s| node(s).is_err())
        );
    }
}
