//! Who asks, what root would have here, and whether an ordinary user may make user namespaces.

use std::env;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::{User, getuid};

use super::machine::last_capability;
use super::ways::Ways;
use super::{Finding, Group, Status, capability};
use crate::error::Result;
use crate::needs::kernel::read;
use crate::needs::{CAP_MKNOD, CAP_SYS_ADMIN, Need, in_initial_user_namespace};
use crate::proc::Process;

const GROUP: Group = Group::Privileges;

/// The findings of this module.
pub fn findings(ways: &Ways) -> Result<Vec<Finding>> {
    let bounding = Process::this().status()?.capabilities.bounding;
    let mut found = vec![user(ways), capabilities(bounding)];
    for need in [Need::Admin, Need::InitialRoot, Need::Mknod] {
        found.push(ways.finding(GROUP, need, &Default::default()));
    }
    found.push(user_namespaces(ways.of(Need::UserNamespaces).rootless));
    Ok(found)
}

fn user(ways: &Ways) -> Finding {
    let uid = getuid();
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    let who = format!("{} (user {uid})", name.as_deref().unwrap_or("a user without a name"));
    match (ways.is_root, sudo()) {
        (true, _) => Finding::new(GROUP, "user", Status::Info, who),
        (false, Ok(sudo)) => {
            let what = format!("{who}; {} is there for what needs root", sudo.display());
            Finding::new(GROUP, "user", Status::Info, what)
        }
        (false, Err(reason)) => {
            Finding::new(GROUP, "user", Status::Limited, format!("{who}; {reason}"))
                .remedy("become root in another way (`su -`), or use --rootless")
        }
    }
}

/// sudo, or why it would be of no use. That it lets this user through is known only when it is asked.
pub fn sudo() -> std::result::Result<PathBuf, &'static str> {
    let path = env::var_os("PATH").unwrap_or_default();
    let sudo = env::split_paths(&path).map(|dir| dir.join("sudo")).find(|file| file.is_file());
    if Process::this().status().is_ok_and(|status| status.no_new_privs) {
        return Err("no_new_privs is set, which makes sudo powerless");
    }
    sudo.ok_or("sudo is not installed")
}

/// The bounding set is what execve(2) of a set-user-ID program, sudo for one, can give at most.
fn capabilities(bounding: u64) -> Finding {
    let missing = capability::missing(bounding, last_capability());
    if missing.is_empty() {
        return Finding::new(GROUP, "capabilities", Status::Ok, "root has every capability");
    }
    let what = format!("root lacks {}", missing.join(", "));
    Finding::new(GROUP, "capabilities", Status::Limited, what).affects(&[5, 8]).remedy(
        "nothing from inside: whoever started this machine or container took them \
         (docker and podman run: --privileged)",
    )
}

/// Whether root, that this process is not, would have the privilege.
pub fn root_would_have(need: Need) -> bool {
    let bounding = Process::this().status().map_or(0, |status| status.capabilities.bounding);
    let bounds = |number: u32| bounding >> number & 1 == 1;
    match need {
        Need::Admin => bounds(CAP_SYS_ADMIN),
        Need::Mknod => bounds(CAP_MKNOD) && in_initial_user_namespace(),
        _ => in_initial_user_namespace(),
    }
}

fn user_namespaces(tried: std::result::Result<(), Option<Errno>>) -> Finding {
    let need = Need::UserNamespaces;
    let finding = |status, what: String| Finding::new(GROUP, need.id(), status, what);
    let found = match tried {
        Ok(()) => finding(Status::Ok, need.what().into()),
        Err(errno) => {
            let (errno, settings) = (errno.unwrap_or(Errno::EPERM), Settings::read());
            finding(Status::Missing, format!("{}: tried, {errno:?}", need.what()))
                .remedy(settings.remedy(errno))
        }
    };
    found.affects(need.lessons())
}

/// The settings that can forbid user namespaces; a kernel has some of them.
#[derive(Clone, Copy, Debug, Default)]
struct Settings {
    /// `user.max_user_namespaces`: 0 on some RHEL.
    most: Option<u64>,
    /// `kernel.unprivileged_userns_clone`: Debian's.
    clone: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`: Ubuntu's, since 23.10.
    apparmor: Option<u64>,
}

impl Settings {
    fn read() -> Settings {
        let setting = |name: &str| read(format!("/proc/sys/{name}")).trim().parse().ok();
        Settings {
            most: setting("user/max_user_namespaces"),
            clone: setting("kernel/unprivileged_userns_clone"),
            apparmor: setting("kernel/apparmor_restrict_unprivileged_userns"),
        }
    }

    fn remedy(self, errno: Errno) -> &'static str {
        match (self.most, self.clone, self.apparmor) {
            (None, ..) => "boot a kernel with CONFIG_USER_NS",
            (Some(0), ..) => "sudo sysctl -w user.max_user_namespaces=10000",
            (_, Some(0), _) => "sudo sysctl -w kernel.unprivileged_userns_clone=1",
            (_, _, Some(1)) => "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
            _ if errno == Errno::ENOSPC => {
                "a limit is reached: see /proc/sys/user/max_*_namespaces, raise it with sysctl"
            }
            _ => {
                "forbidden by what this runs in: a container's seccomp filter (docker and podman run: \
                 --security-opt seccomp=unconfined) or a chroot"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_forbids_is_the_one_to_change() {
        let free = Settings { most: Some(1000), ..Settings::default() };
        let remedy = |settings: Settings| settings.remedy(Errno::EPERM);
        assert!(remedy(Settings::default()).contains("CONFIG_USER_NS"));
        assert!(remedy(Settings { most: Some(0), ..free }).contains("max_user_namespaces"));
        assert!(remedy(Settings { clone: Some(0), ..free }).contains("userns_clone=1"));
        assert!(remedy(Settings { apparmor: Some(1), ..free }).contains("apparmor"));
        assert!(remedy(Settings { apparmor: Some(0), clone: Some(1), ..free }).contains("seccomp"));
        assert!(free.remedy(Errno::ENOSPC).contains("limit"));
    }

    #[test]
    fn a_bounding_set_with_a_hole_names_it() {
        let finding = capabilities(!(1 << 24));
        assert_eq!(finding.what, "root lacks CAP_SYS_RESOURCE");
        assert_eq!(finding.status, Status::Limited);
    }
}
