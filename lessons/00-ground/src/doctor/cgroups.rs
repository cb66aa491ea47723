//! The hierarchies of cgroups, and what of them an ordinary user was given.

use std::collections::BTreeSet;
use std::path::Path;

use nix::unistd::{AccessFlags, Uid, access};

use super::{Finding, Group, Status};
use crate::error::Result;
use crate::host;
use crate::needs::controllers::{Layout, words};

const GROUP: Group = Group::Cgroups;
/// Without these a container is not limited at all.
const WANTED: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// The findings of this module.
pub fn findings() -> Result<Vec<Finding>> {
    let layout = Layout::read()?;
    let mut found = vec![hierarchies(&layout)];
    found.extend(layout.v2().map(|mount| delegation(&layout, &mount.point, host::owner())));
    Ok(found)
}

fn hierarchies(layout: &Layout) -> Finding {
    let v1 = layout.v1_controllers().join(" ");
    let v2: Vec<&str> = layout.v2_controllers.iter().map(String::as_str).collect();
    let v2 = if v2.is_empty() { "no controller".to_string() } else { v2.join(" ") };
    let at = layout.v2().map(|mount| mount.point.display().to_string()).unwrap_or_default();
    let what = match layout.word() {
        "v1" => format!("v1 only: {v1}"),
        "hybrid" => format!("hybrid: v1 {v1}; v2 at {at} with {v2}"),
        "v2" => format!("v2 only, at {at}: {v2}"),
        _ => {
            return Finding::new(
                GROUP,
                "cgroup-layout",
                Status::Missing,
                "no hierarchy is mounted",
            )
            .affects(&[4, 5, 7])
            .remedy("sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup");
        }
    };
    Finding::new(GROUP, "cgroup-layout", Status::Info, what).affects(&[4, 5, 7])
}

/// Of v2, systemd delegates a group to each user's own manager. Whoever logged in stands beside that group, and has to
/// ask for one of its own in it.
fn delegation(layout: &Layout, root: &Path, user: Uid) -> Finding {
    let own = layout.v2().and_then(|mount| layout.own_group(mount));
    let own = own.filter(|dir| dir != root && belongs(dir, user));
    let manager = root.join(format!("user.slice/user-{user}.slice/user@{user}.service"));
    let given = own.clone().or_else(|| Some(manager).filter(|dir| belongs(dir, user)));
    let given = given.map(|dir| words(&dir.join("cgroup.controllers")));
    let (status, what, remedy) = told(given, &layout.v2_controllers, user);
    let finding = Finding::new(GROUP, "delegation", status, what);
    let ask = "systemd-run --user --scope -p Delegate=yes COMMAND runs a lesson in such a group";
    match (remedy, own) {
        (Some(remedy), _) => finding.affects(&[4, 5]).remedy(remedy),
        (None, None) if status == Status::Ok => finding.remedy(ask),
        _ => finding,
    }
}

fn belongs(dir: &Path, user: Uid) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owned =
        |file: &str| dir.join(file).metadata().is_ok_and(|meta| meta.uid() == user.as_raw());
    !user.is_root() && owned("cgroup.procs") && access(dir, AccessFlags::F_OK).is_ok()
}

fn told(
    given: Option<BTreeSet<String>>,
    offered: &BTreeSet<String>,
    user: Uid,
) -> (Status, String, Option<String>) {
    let offered: Vec<&str> = WANTED.into_iter().filter(|name| offered.contains(*name)).collect();
    match given {
        _ if user.is_root() => (Status::Info, "root needs no delegation".into(), None),
        _ if offered.is_empty() => (Status::Info, "v2 has nothing to delegate".into(), None),
        None => {
            let what = format!("no v2 group is delegated to user {user}: limits need root");
            (Status::Limited, what, Some("run with sudo, or log in through systemd".into()))
        }
        Some(given) => compared(&given, offered, user),
    }
}

/// What was given, and what of the offered was not.
fn compared(
    given: &BTreeSet<String>,
    offered: Vec<&str>,
    user: Uid,
) -> (Status, String, Option<String>) {
    let (have, lack): (Vec<&str>, Vec<&str>) =
        offered.into_iter().partition(|name| given.contains(*name));
    let what = format!("delegated to user {user}: {}", have.join(" "));
    match lack.is_empty() {
        true => (Status::Ok, what, None),
        false => (Status::Limited, format!("{what}; not {}", lack.join(" ")), Some(delegate())),
    }
}

/// See systemd.resource-control(5), and user@.service(5) for the place.
fn delegate() -> String {
    let dir = "/etc/systemd/system/user@.service.d";
    let setting = format!("[Service]\\nDelegate={}\\n", WANTED.join(" "));
    format!(
        "sudo mkdir -p {dir}; printf '{setting}' | sudo tee {dir}/delegate.conf; \
         sudo systemctl daemon-reload; log in anew"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &str) -> BTreeSet<String> {
        names.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn what_systemd_leaves_out_is_named() {
        let all = set("cpu cpuset io memory misc pids");
        let (status, what, remedy) = told(Some(set("memory pids")), &all, Uid::from_raw(1000));
        assert_eq!(status, Status::Limited);
        assert_eq!(what, "delegated to user 1000: memory pids; not cpu cpuset io");
        assert!(remedy.unwrap().contains("Delegate=cpu cpuset io memory pids"));
        assert_eq!(told(Some(all.clone()), &all, Uid::from_raw(1000)).0, Status::Ok);
    }

    #[test]
    fn without_a_group_limits_need_root() {
        let told = |user| told(None, &set("cpu"), Uid::from_raw(user)).0;
        assert_eq!((told(1000), told(0)), (Status::Limited, Status::Info));
    }
}
