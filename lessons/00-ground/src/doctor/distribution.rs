//! The distribution, because the remedies differ in the command that installs a package.

use std::collections::HashMap;
use std::fs;

use crate::needs::Need;

/// Distributions that share a package manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    Debian,
    Fedora,
    Suse,
    Arch,
    Alpine,
    #[default]
    Other,
}

/// What `/etc/os-release` says, see os-release(5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// As it calls itself.
    pub name: String,
    family: Family,
    is_ubuntu: bool,
}

/// Something that a package brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    StaticLibc,
    Busybox,
    Nft,
}

impl Distribution {
    /// Reads it.
    pub fn read() -> Distribution {
        let text = ["/etc/os-release", "/usr/lib/os-release"].map(fs::read_to_string);
        Distribution::parse(&text.into_iter().flatten().next().unwrap_or_default())
    }

    fn parse(text: &str) -> Distribution {
        let fields: HashMap<&str, &str> =
            text.lines().filter_map(|line| line.split_once('=')).collect();
        let get = |key| fields.get(key).map_or("", |value| value.trim().trim_matches(['"', '\'']));
        let ids = format!("{} {}", get("ID"), get("ID_LIKE"));
        let family = ids.split_whitespace().find_map(family).unwrap_or_default();
        let name = get("PRETTY_NAME").to_string();
        Distribution { name, family, is_ubuntu: ids.contains("ubuntu") }
    }

    /// The command that installs it.
    pub fn install(&self, package: Package) -> String {
        use Family::*;
        use Package::*;
        let (command, name) = match (self.family, package) {
            (Debian, StaticLibc) => ("apt install", "libc6-dev"),
            (Debian, Busybox) => ("apt install", "busybox-static"),
            (Debian, Nft) => ("apt install", "nftables"),
            (Fedora, StaticLibc) => ("dnf install", "glibc-static"),
            (Fedora, Busybox) => ("dnf install", "busybox"),
            (Fedora, Nft) => ("dnf install", "nftables"),
            (Suse, StaticLibc) => ("zypper install", "glibc-devel-static"),
            (Suse, Busybox) => ("zypper install", "busybox-static"),
            (Suse, Nft) => ("zypper install", "nftables"),
            (Arch, StaticLibc) => ("pacman -S", "glibc"),
            (Arch, Busybox) => ("pacman -S", "busybox"),
            (Arch, Nft) => ("pacman -S", "nftables"),
            (Alpine, StaticLibc) => ("apk add", "musl-dev"),
            (Alpine, Busybox) => ("apk add", "busybox-static"),
            (Alpine, Nft) => ("apk add", "nftables"),
            (Other, StaticLibc) => return "install the C library for static linking".into(),
            (Other, Busybox) => return "install busybox".into(),
            (Other, Nft) => return "install nftables".into(),
        };
        format!("sudo {command} {name}")
    }

    /// What to do for a need that is not met. Modules that a lean kernel leaves out are in a package of their own.
    pub fn remedy(&self, need: Need) -> String {
        let modprobe = need.remedy().starts_with("sudo modprobe");
        match self.family {
            Family::Debian if modprobe && self.is_ubuntu => {
                format!("sudo apt install linux-modules-extra-$(uname -r); {}", need.remedy())
            }
            Family::Fedora if modprobe => {
                format!("sudo dnf install kernel-modules-$(uname -r); {}", need.remedy())
            }
            _ => need.remedy().to_string(),
        }
    }
}

fn family(id: &str) -> Option<Family> {
    match id {
        "debian" | "ubuntu" => Some(Family::Debian),
        "fedora" | "rhel" | "centos" => Some(Family::Fedora),
        "suse" | "opensuse" | "sles" => Some(Family::Suse),
        "arch" => Some(Family::Arch),
        "alpine" => Some(Family::Alpine),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derivative_takes_its_parents_commands() {
        let mint = Distribution::parse(
            "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\nPRETTY_NAME=\"Linux Mint 22\"\n",
        );
        assert_eq!(mint.name, "Linux Mint 22");
        assert_eq!(mint.install(Package::Busybox), "sudo apt install busybox-static");
        assert!(mint.remedy(Need::Overlay).contains("linux-modules-extra"));
    }

    #[test]
    fn families_differ_and_the_unknown_one_has_words() {
        let install = |text| Distribution::parse(text).install(Package::StaticLibc);
        assert_eq!(install("ID=fedora\n"), "sudo dnf install glibc-static");
        assert_eq!(install("ID='alpine'\n"), "sudo apk add musl-dev");
        assert_eq!(install("garbage"), "install the C library for static linking");
    }
}
