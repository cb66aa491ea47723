//! Which kernel the machine boots: the one that is asked for, else the host's own, else one from
//! the distribution's package, unpacked into the cache.

use std::fs;
use std::path::{Path, PathBuf};

use super::Cgroup;
use super::cache::Cache;
use super::fetch;
use super::modules::{Modules, REQUIRED};
use crate::failure::{Failure, Result};

/// A kernel on the host's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// bzImage or ELF.
    pub image: PathBuf,
    /// What `uname -r` says in it, as far as its name tells.
    pub release: String,
    /// Its directory `lib/modules/RELEASE`; None when everything is built in.
    pub modules: Option<PathBuf>,
}

/// Finds a kernel that can do what is wanted.
pub fn find(asked: Option<&Path>, cgroup: Cgroup, cache: &Cache) -> Result<Kernel> {
    if let Some(path) = asked {
        let kernel = Kernel::at(path);
        return kernel.check(cgroup).map(|()| kernel);
    }
    match at_hand(cgroup, cache) {
        Some(kernel) => Ok(kernel),
        None => fetched(cgroup, cache),
    }
}

/// A kernel for which nothing has to be fetched.
pub fn at_hand(cgroup: Cgroup, cache: &Cache) -> Option<Kernel> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let own = hosts_own(release.trim()).into_iter().filter(|path| fs::File::open(path).is_ok());
    let cached = fetch::PACKAGES.iter().filter_map(|package| newest(&cache.path(&dir(package))));
    let mut kernels = own.chain(cached).map(|path| Kernel::at(&path));
    kernels.find(|kernel| kernel.check(cgroup).is_ok())
}

fn fetched(cgroup: Cgroup, cache: &Cache) -> Result<Kernel> {
    let mut last = Failure::unusable(fetch::BY_HAND);
    for package in fetch::PACKAGES.iter().filter(|package| fetch::is_known(package)) {
        let into = cache.get(&dir(package), |into| fetch::fetch(package, into))?;
        let Some(image) = newest(&into) else { continue };
        let kernel = Kernel::at(&image);
        match kernel.check(cgroup) {
            Ok(()) => return Ok(kernel),
            Err(failure) => last = failure,
        }
    }
    Err(last)
}

fn dir(package: &str) -> String {
    format!("kernel-{package}")
}

fn hosts_own(release: &str) -> [PathBuf; 2] {
    [format!("/boot/vmlinuz-{release}"), format!("/lib/modules/{release}/vmlinuz")]
        .map(PathBuf::from)
}

/// The image in an unpacked package.
fn newest(root: &Path) -> Option<PathBuf> {
    let boot = root.join("boot");
    let names = fs::read_dir(&boot).ok()?.flatten();
    let names: Vec<String> = names.filter_map(|e| e.file_name().into_string().ok()).collect();
    Some(boot.join(newest_of(names.iter().map(String::as_str))?))
}

/// Of a listing of /boot, the image with the highest version.
fn newest_of<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let images = names.filter(|name| name.starts_with("vmlinuz-"));
    images.max_by_key(|name| {
        let numbers = name.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
        numbers.collect::<Vec<u32>>()
    })
}

impl Kernel {
    /// The kernel of this image, with its modules where they usually are.
    pub fn at(image: &Path) -> Kernel {
        let release = release(image);
        let root = image.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let below = |root: &Path, lib| root.join(lib).join("modules").join(&release);
        let places = [below(root, "usr/lib"), below(root, "lib"), below(Path::new("/"), "lib")];
        let modules = places.into_iter().find(|dir| !release.is_empty() && dir.is_dir());
        Kernel { image: image.to_path_buf(), release, modules }
    }

    /// Says what it lacks.
    fn check(&self, cgroup: Cgroup) -> Result<()> {
        let name = self.image.display();
        if !self.image.is_file() {
            return Err(Failure::unusable(format!("no kernel at {name}")));
        }
        if let Some(dir) = &self.modules {
            let missing = Modules::scan(dir)?.missing();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                let all = REQUIRED.join(", ");
                return Err(Failure::unusable(format!(
                    "{name}: {} has no {missing}: give --kernel one that has {all}",
                    dir.display()
                )));
            }
        }
        match cgroup == Cgroup::V1 && !self.config().is_none_or(|config| has_v1(&config)) {
            true => Err(Failure::unusable(format!(
                "{name} has no cgroup v1 memory and cpuset (CONFIG_MEMCG_V1, CONFIG_CPUSETS_V1): \
                 give --kernel one that has, for example any before 6.11"
            ))),
            false => Ok(()),
        }
    }

    /// The configuration it was built with, when that lies beside it.
    fn config(&self) -> Option<String> {
        let beside = self.image.with_file_name(format!("config-{}", self.release));
        let inside = self.modules.as_ref().map(|dir| dir.join("config"));
        [Some(beside), inside].into_iter().flatten().find_map(|path| fs::read_to_string(path).ok())
    }
}

/// Since 6.11 the v1 interface is an option of its own; before, it came with the controller.
fn has_v1(config: &str) -> bool {
    let absent = ["# CONFIG_MEMCG_V1 is not set", "# CONFIG_CPUSETS_V1 is not set"];
    !config.lines().any(|line| absent.contains(&line))
}

/// `/boot/vmlinuz-6.1.0-9-amd64` or `/lib/modules/6.1.0-9-amd64/vmlinuz`; else nothing.
fn release(image: &Path) -> String {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let dir = image.parent().unwrap_or(Path::new(""));
    if dir.parent().is_some_and(|above| above.ends_with("modules")) {
        return dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    }
    let prefixes = ["vmlinuz-", "vmlinux-", "bzImage-"];
    let release = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    release.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_of_a_listing_is_found() {
        let listing = [
            "config-6.12.9-amd64",
            "vmlinuz-6.1.0-30-amd64",
            "vmlinuz-6.12.9-amd64",
            "vmlinuz-6.2.0-1-amd64",
            "System.map-6.13.0",
        ];
        assert_eq!(newest_of(listing.into_iter()), Some("vmlinuz-6.12.9-amd64"));
        assert_eq!(newest_of(["grub"].into_iter()), None);
    }

    #[test]
    fn the_release_is_in_the_path() {
        for (path, expected) in [
            ("/boot/vmlinuz-6.1.0-9-amd64", "6.1.0-9-amd64"),
            ("/lib/modules/6.9.1-1.fc40/vmlinuz", "6.9.1-1.fc40"),
            ("/src/linux/bzImage", ""),
        ] {
            assert_eq!(release(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn the_configuration_says_whether_v1_is_there() {
        assert!(has_v1("CONFIG_MEMCG=y\n"));
        assert!(has_v1("CONFIG_MEMCG_V1=y\nCONFIG_CPUSETS_V1=y\n"));
        assert!(!has_v1("CONFIG_MEMCG_V1=y\n# CONFIG_CPUSETS_V1 is not set\n"));
    }
}
