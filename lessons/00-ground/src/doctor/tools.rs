//! Where boxes are kept, and what their root file system is made of.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::statvfs::{FsFlags, statvfs};

use super::distribution::{Distribution, Package};
use super::{Finding, Group, Status};
use crate::host;

const GROUP: Group = Group::Machine;

/// The findings of this module.
pub fn findings(distribution: &Distribution) -> Vec<Finding> {
    vec![state_directory(), static_libc(distribution), busybox(distribution)]
}

/// Made when missing, and taken away again when nothing is in it.
fn state_directory() -> Finding {
    let finding = |status, what: String| Finding::new(GROUP, "state-directory", status, what);
    let dir = match host::state_dir() {
        Ok(dir) => dir,
        Err(e) => {
            return finding(Status::Missing, e.to_string())
                .remedy("export XDG_RUNTIME_DIR=$(mktemp -d)");
        }
    };
    let noexec = statvfs(&dir).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOEXEC));
    let _ = fs::remove_dir(&dir);
    let shown = dir.display();
    match noexec {
        false => finding(Status::Ok, format!("{shown}: what lessons make is kept there")),
        true => finding(
            Status::Info,
            format!("{shown}: mounted noexec, so root file systems are kept elsewhere"),
        ),
    }
}

/// The linker's driver knows where it looks for libraries; it repeats the bare name of one that it does not find.
fn static_libc(distribution: &Distribution) -> Finding {
    let output = Command::new("cc").arg("-print-file-name=libc.a").output();
    let answer = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    let finding = |status, what: String| Finding::new(GROUP, "static-libc", status, what);
    match answer {
        Ok(path) if Path::new(&path).is_absolute() => {
            let path = fs::canonicalize(&path).unwrap_or_else(|_| path.into());
            finding(Status::Ok, format!("{}: the probe is linked statically", path.display()))
        }
        _ => finding(Status::Info, "no libc.a: the probe takes its libraries along".into())
            .remedy(distribution.install(Package::StaticLibc)),
    }
}

fn busybox(distribution: &Distribution) -> Finding {
    match program("busybox") {
        Some(path) => {
            let what = format!("{}: the shell of the default root file system", path.display());
            Finding::new(GROUP, "busybox", Status::Ok, what)
        }
        None => {
            let what = "no busybox: the default root file system copies the host's shell";
            Finding::new(GROUP, "busybox", Status::Info, what)
                .remedy(distribution.install(Package::Busybox))
        }
    }
}

/// The program that shows what nf_tables holds; the lessons do without.
pub fn nft(distribution: &Distribution) -> Option<Finding> {
    let what = "no nft: to look at the rules by hand, the lessons do without";
    let finding = || Finding::new(Group::Network, "nft", Status::Info, what).affects(&[6]);
    match program("nft") {
        Some(_) => None,
        None => Some(finding().remedy(distribution.install(Package::Nft))),
    }
}

/// On the search path, or where an ordinary user's does not lead.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    dirs.map(|dir| dir.join(name)).find(|file| file.is_file())
}
