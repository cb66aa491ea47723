//! KVM or TCG: what counts is whether a machine really boots. A `/dev/kvm` that opens proves
//! little, inside of another virtual machine above all.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use super::cache::{Cache, digest, identity};
use super::qemu::{Config, Qemu, Ram};
use crate::failure::{Context, Result};

/// Who executes the machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accel {
    /// The processor itself.
    Kvm,
    /// QEMU, translating them: ten times slower, and works everywhere.
    Tcg,
}

impl Accel {
    /// QEMU's `-accel` and `-cpu`.
    pub fn qemu(self) -> (&'static str, &'static str) {
        match self {
            Accel::Kvm => ("kvm", "host"),
            Accel::Tcg => ("tcg,thread=multi", "max"),
        }
    }
}

/// With KVM a boot takes two seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Decides by a boot of this machine, once for each kernel of the host and program of QEMU.
pub fn choose(cache: &Cache, config: &Config, qemu: &Path) -> Result<Accel> {
    if File::options().read(true).write(true).open("/dev/kvm").is_err() {
        return Ok(Accel::Tcg);
    }
    let host = fs::read_to_string("/proc/version").unwrap_or_default();
    let name = format!("accel-{}", digest((host, identity(qemu)?)));
    let answer = cache.get(&name, |path| {
        eprintln!("trying whether a machine boots with KVM …");
        let boots = boots(config);
        fs::write(path, if boots { "kvm" } else { "tcg" }).doing("write", path)
    })?;
    let answer = fs::read_to_string(&answer).doing("read", &answer)?;
    Ok(if answer == "kvm" { Accel::Kvm } else { Accel::Tcg })
}

fn boots(config: &Config) -> bool {
    let config = Config { accel: Accel::Kvm, ..config.clone() };
    let ready = |mut qemu: Qemu| qemu.wait_ready(PATIENCE);
    Qemu::start(&config, Ram::Anonymous).and_then(ready).is_ok()
}
