//! From options to a machine that waits for its job: booted once, restored from then on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::accel::{self, Accel};
use super::cache::{Cache, digest, identity};
use super::kernel::{self, Kernel};
use super::modules::WANTED;
use super::qemu::{Config, KERNEL_ARGUMENTS, PROGRAM, Qemu, Ram};
use super::{Cgroup, Options, initramfs, vmlinux, words};
use crate::elevate::Elevation;
use crate::failure::{Context, Failure, Result};
use crate::{artifacts, elevate, process, workspace};

/// A boot takes four seconds without KVM, more on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// All that a machine is made from, at hand.
pub struct Plan {
    /// The machine.
    pub config: Config,
    /// The kernel that its own was taken from.
    pub kernel: Kernel,
    cache: Cache,
    snapshot: String,
}

/// Finds or makes everything, the snapshot excepted.
pub fn plan(options: &Options) -> Result<Plan> {
    let qemu = qemu()?;
    let cache = Cache::open()?;
    let kernel = kernel::find(options.kernel.as_deref(), options.cgroup, &cache)?;
    let state = workspace::state_dir()?;
    let mut config = Config {
        accel: Accel::Tcg,
        cpus: options.cpus.unwrap_or(1),
        memory: options.memory,
        cgroup: options.cgroup,
        kernel: unpacked(&kernel, &cache)?,
        initramfs: initramfs(&kernel, &cache)?,
        state: state.canonicalize().doing("find", &state)?,
    };
    config.accel = accel::choose(&cache, &config, &qemu)?;
    // The names of kernel and initramfs in the cache stand for what is in them.
    let snapshot = format!("snapshot-{}", digest((&config, KERNEL_ARGUMENTS, identity(&qemu)?)));
    Ok(Plan { config, kernel, cache, snapshot })
}

/// The default machine as a place to run at, once it has run something. Tests fetch nothing: it needs
/// a kernel that is here.
pub fn ready() -> Result<Elevation> {
    qemu()?;
    let cgroup = Cgroup::V2;
    let fetch = "no kernel for the cgroup v2 machine is here; `cargo xtask vm doctor` fetches one";
    kernel::at_hand(cgroup, &Cache::open()?).ok_or_else(|| Failure::unusable(fetch))?;
    let (cpus, memory, kernel, boot, env) = (None, 1024, None, false, Vec::new());
    let options = Options { cpus, memory, kernel, cgroup, boot, env };
    let place = Elevation::Machine(words(&options).leak());
    process::succeed(process::status(&mut place.command(Path::new("true"), &[]))?)?;
    Ok(place)
}

fn qemu() -> Result<PathBuf> {
    if cfg!(not(target_arch = "x86_64")) {
        return Err(Failure::unusable(
            "cargo xtask vm is for x86_64 so far; on this machine use Lima: see xtask/vm/lima.md",
        ));
    }
    elevate::find_program(PROGRAM).ok_or_else(|| {
        Failure::unusable(format!(
            "{PROGRAM} is not installed; its package: qemu-system-x86 (Debian, Ubuntu, Fedora, Arch), \
             qemu-x86 (openSUSE), qemu-system-x86_64 (Alpine)"
        ))
    })
}

/// The kernel as QEMU loads it fastest.
fn unpacked(kernel: &Kernel, cache: &Cache) -> Result<PathBuf> {
    let name = format!("vmlinux-{}", digest(identity(&kernel.image)?));
    let image = cache.get(&name, |path| {
        let image = fs::read(&kernel.image).doing("read", &kernel.image)?;
        let kernel = vmlinux::extract(&image).unwrap_or(image);
        fs::write(path, kernel).doing("write", path)
    })?;
    Ok(image)
}

fn initramfs(kernel: &Kernel, cache: &Cache) -> Result<PathBuf> {
    let agent = agent()?;
    let agent = fs::read(&agent).doing("read", &agent)?;
    let modules = kernel.modules.as_deref().map(identity).transpose()?;
    let name =
        format!("initramfs-{}", digest((&agent, modules, WANTED, env!("CARGO_PKG_VERSION"))));
    cache.get(&name, |path| fs::write(path, initramfs::build(&agent, kernel)?).doing("write", path))
}

/// The first process: alone in its root directory, so it must be static.
fn agent() -> Result<PathBuf> {
    if let Some(path) = artifacts::static_executable("vm-agent")? {
        return Ok(path);
    }
    let mut plain = artifacts::cargo("build");
    process::succeed(process::status(plain.args(["--quiet", "--package", "vm-agent"]))?)?;
    Err(Failure::unusable(
        "vm-agent builds, but not static: install the static C library \
         (Fedora: glibc-static; Debian and Ubuntu have it in libc6-dev)",
    ))
}

impl Plan {
    /// A machine that waits for its job.
    pub fn start(&self, boot: bool) -> Result<Qemu> {
        if boot {
            return self.boot(Ram::Anonymous);
        }
        let had = self.has_snapshot();
        match self.restore() {
            // One that was there may have been damaged since.
            Err(_) if had => {
                self.cache.forget(&self.snapshot)?;
                self.restore()
            }
            result => result,
        }
    }

    /// True when the next start is a fast one.
    pub fn has_snapshot(&self) -> bool {
        self.cache.path(&self.snapshot).is_dir()
    }

    fn restore(&self) -> Result<Qemu> {
        let snapshot = self.cache.get(&self.snapshot, |dir| {
            eprintln!(
                "booting a machine and keeping its snapshot; the next one is there at once …"
            );
            self.snapshot(dir)
        })?;
        let mut qemu = Qemu::start(&self.config, Ram::Restored(&snapshot.join("ram")))?;
        match qemu.monitor.restore(&snapshot.join("state")) {
            Ok(()) => Ok(qemu),
            Err(failure) => Err(with_console(failure, qemu)),
        }
    }

    fn snapshot(&self, dir: &Path) -> Result<()> {
        fs::create_dir(dir).doing("make directory", dir)?;
        let mut qemu = self.boot(Ram::Saved(&dir.join("ram")))?;
        match qemu.monitor.save(&dir.join("state")) {
            Ok(()) => Ok(()),
            Err(failure) => Err(with_console(failure, qemu)),
        }
    }

    fn boot(&self, ram: Ram) -> Result<Qemu> {
        let mut qemu = Qemu::start(&self.config, ram)?;
        match qemu.wait_ready(PATIENCE) {
            Ok(()) => Ok(qemu),
            Err(failure) => Err(with_console(failure, qemu)),
        }
    }
}

/// What happened, with the last that kernel and QEMU have said.
pub fn with_console(failure: Failure, qemu: Qemu) -> Failure {
    match qemu.end().as_str() {
        "" => failure,
        said => Failure::unusable(format!("{failure}; its console:\n{said}")),
    }
}
