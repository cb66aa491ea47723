//! A kernel from the distribution's archive: downloaded and unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::elevate::is_installed;
use crate::failure::{Context, Failure, Result};
use crate::process;

/// Packages that depend on a current kernel, best first: Debian 12's newer one, Debian's, Ubuntu's.
/// Not the kernels for clouds: they have no 9p.
pub const PACKAGES: [&str; 3] =
    ["linux-image-6.12-amd64", "linux-image-amd64", "linux-image-generic"];

/// What to do where there is no apt-get.
pub const BY_HAND: &str = "no kernel for the machine: apt-get update where there is apt-get; else \
    install one with 9p (Fedora: kernel-core and kernel-modules-extra, Arch: linux, openSUSE: \
    kernel-default) or unpack one anywhere, and give --kernel DIR/boot/vmlinuz-RELEASE";

/// True when apt-get could fetch this package.
pub fn is_known(package: &str) -> bool {
    is_installed("apt-get") && is_installed("dpkg-deb") && !depends(package).is_empty()
}

/// Fetches the kernel that `package` depends on into the directory `into`.
pub fn fetch(package: &str, into: &Path) -> Result<()> {
    eprintln!("fetching the kernel of {package} for the machine (it is not installed) …");
    fs::create_dir(into).doing("make directory", into)?;
    let images = depends(package).into_iter().filter(|name| name.starts_with("linux-image-"));
    for image in images {
        for part in parts(&image).filter(|part| *part == image || !show(part).is_empty()) {
            download(&part, into)?;
        }
    }
    archives(into)?.iter().try_for_each(|archive| unpack(archive, into))
}

/// Debian's image has its modules with it; Ubuntu's are in packages of their own.
fn parts(image: &str) -> impl Iterator<Item = String> {
    let version = image.trim_start_matches("linux-image-");
    ["linux-modules-", "linux-modules-extra-"]
        .map(|prefix| format!("{prefix}{version}"))
        .into_iter()
        .chain([image.to_owned()])
}

fn depends(package: &str) -> Vec<String> {
    dependencies(&show(package))
}

fn show(package: &str) -> String {
    let mut command = Command::new("apt-cache");
    command.args(["show", "--no-all-versions", package]).stderr(Stdio::null());
    process::stdout_alone(&mut command).unwrap_or_default()
}

/// The names in the `Depends:` line of what apt-cache shows.
fn dependencies(text: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("Depends: ")).unwrap_or_default();
    let names = line.split(", ").filter_map(|item| item.split_whitespace().next());
    names.map(str::to_owned).collect()
}

fn download(package: &str, into: &Path) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["download", "-qq", package]).current_dir(into).stderr(Stdio::null());
    process::stdout_alone(&mut command).map(drop).map_err(|_| {
        Failure::unusable(format!(
            "apt-get download {package} failed: is there a network? Try apt-get update first, or \
             give --kernel PATH"
        ))
    })
}

fn archives(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).doing("read directory", dir)?.flatten();
    let paths = entries.map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|e| e == "deb")).collect())
}

fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let mut command = Command::new("dpkg-deb");
    process::succeed(process::status(command.arg("--extract").arg(archive).arg(into))?)?;
    fs::remove_file(archive).doing("remove", archive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_among_the_dependencies() {
        let debian =
            "Package: linux-image-amd64\nDepends: linux-image-6.1.0-9-amd64 (= 6.1.27-1)\n";
        assert_eq!(dependencies(debian), ["linux-image-6.1.0-9-amd64"]);
        let ubuntu = "Depends: linux-image-6.8.0-31-generic, linux-firmware, intel-microcode\n";
        assert_eq!(dependencies(ubuntu)[0], "linux-image-6.8.0-31-generic");
        assert_eq!(dependencies(""), [""; 0]);
    }

    #[test]
    fn ubuntu_s_modules_come_in_packages_of_their_own() {
        let parts: Vec<String> = parts("linux-image-6.8.0-31-generic").collect();
        assert_eq!(parts[1], "linux-modules-extra-6.8.0-31-generic");
        assert_eq!(parts[2], "linux-image-6.8.0-31-generic");
    }
}
