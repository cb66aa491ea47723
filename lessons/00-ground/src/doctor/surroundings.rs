//! Whether this is a virtual machine, a container or WSL, in the manner of systemd-detect-virt(1).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::needs::kernel::read;

/// What there is to be inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A physical or a virtual machine.
    Machine,
    /// The Windows Subsystem for Linux, version 2: a Linux kernel.
    Wsl,
    /// Version 1: not a Linux kernel.
    Wsl1,
    /// A container.
    Container,
}

/// `PROC_PID_INIT_INO`: the inode of the PID namespace that the kernel booted with.
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Where the traces are.
#[derive(Clone, Debug, Default)]
pub struct Clues {
    /// `/proc/sys/kernel/osrelease`
    pub release: String,
    /// `/proc/cpuinfo`
    pub cpuinfo: String,
    /// Vendor and product from DMI.
    pub dmi: String,
    /// `container=` from the environment of PID 1, or where systemd copied it.
    pub container: Option<String>,
    /// The engine that left its mark in the root directory.
    pub mark: Option<&'static str>,
    /// Inode of this process's PID namespace.
    pub pid_namespace: u64,
}

impl Clues {
    /// Reads them.
    pub fn read() -> Clues {
        let dmi = |file: &str| read(Path::new("/sys/class/dmi/id").join(file)).trim().to_string();
        let pid_namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |meta| meta.ino());
        Clues {
            release: read("/proc/sys/kernel/osrelease"),
            cpuinfo: read("/proc/cpuinfo"),
            dmi: format!("{} {}", dmi("sys_vendor"), dmi("product_name")).trim().to_string(),
            container: container(),
            mark: mark(),
            pid_namespace,
        }
    }

    /// What they mean.
    pub fn words(&self) -> Vec<(Kind, String)> {
        let mut found = vec![(Kind::Machine, self.machine())];
        let release = self.release.to_lowercase();
        if release.contains("microsoft") {
            // Version 1 pretends to be 4.4, and is written with a capital M.
            found.push(match self.release.contains("-Microsoft") {
                true => (Kind::Wsl1, "Windows Subsystem for Linux 1: not a Linux kernel".into()),
                false => (Kind::Wsl, "Windows Subsystem for Linux 2".into()),
            });
        }
        found.extend(self.contained().map(|what| (Kind::Container, what)));
        found
    }

    fn machine(&self) -> String {
        let dmi = if self.dmi.is_empty() { "no DMI" } else { &self.dmi };
        match self.is_virtual() {
            true => format!("a virtual machine ({dmi})"),
            false => format!("a physical machine ({dmi})"),
        }
    }

    /// x86 has a flag for it; elsewhere the firmware names the hypervisor.
    fn is_virtual(&self) -> bool {
        let flags = self.cpuinfo.lines().filter(|line| line.starts_with("flags"));
        let vendors = ["QEMU", "KVM", "VMware", "VirtualBox", "Xen", "Amazon EC2", "Parallels"];
        flags.flat_map(str::split_whitespace).any(|flag| flag == "hypervisor")
            || vendors.iter().any(|vendor| self.dmi.contains(vendor))
    }

    fn contained(&self) -> Option<String> {
        let nested = self.pid_namespace != INITIAL_PID_NAMESPACE && self.pid_namespace != 0;
        match (self.container.as_deref(), self.mark) {
            (Some(engine), _) => Some(format!("inside a container ({engine})")),
            // Machines are booted from images of containers, and keep the mark.
            (None, Some(engine)) if nested => Some(format!("inside a container ({engine})")),
            (None, None) if nested => Some("inside a PID namespace of its own".into()),
            _ => None,
        }
    }
}

fn container() -> Option<String> {
    // Only root may read PID 1's; systemd leaves a copy for everybody.
    let environ = fs::read("/proc/1/environ").unwrap_or_default();
    let copied = Some(read("/run/systemd/container").trim().to_string());
    variable(&environ).or_else(|| copied.filter(|engine| !engine.is_empty()))
}

fn mark() -> Option<&'static str> {
    let marks = [("/run/.containerenv", "podman"), ("/.dockerenv", "docker")];
    marks.into_iter().find(|(file, _)| Path::new(file).exists()).map(|(_, engine)| engine)
}

/// `container=` in an environment.
fn variable(environ: &[u8]) -> Option<String> {
    let values = environ.split(|byte| *byte == 0).filter_map(|e| e.strip_prefix(b"container="));
    values.map(|engine| String::from_utf8_lossy(engine).into_owned()).find(|e| !e.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(clues: &Clues) -> Vec<String> {
        clues.words().into_iter().map(|(_, what)| what).collect()
    }

    #[test]
    fn the_hypervisor_flag_makes_a_virtual_machine() {
        let mut clues = Clues { pid_namespace: INITIAL_PID_NAMESPACE, ..Clues::default() };
        assert_eq!(words(&clues), ["a physical machine (no DMI)"]);
        clues.cpuinfo = "model name\t: hypervisor\nflags\t\t: fpu hypervisor lahf_lm\n".into();
        assert_eq!(words(&clues), ["a virtual machine (no DMI)"]);
        clues = Clues { dmi: "QEMU KVM Virtual Machine".into(), ..Clues::default() };
        assert_eq!(words(&clues), ["a virtual machine (QEMU KVM Virtual Machine)"]);
    }

    #[test]
    fn wsl_is_in_the_kernels_name() {
        let release = "5.15.153.1-microsoft-standard-WSL2\n".into();
        let clues = Clues { release, ..Clues::default() };
        assert_eq!(words(&clues)[1], "Windows Subsystem for Linux 2");
    }

    #[test]
    fn a_container_names_itself_or_is_known_by_its_pid_namespace() {
        let engine = variable(b"PATH=/bin\0container=podman\0");
        let mut clues =
            Clues { container: engine, pid_namespace: 4_026_532_180, ..Clues::default() };
        assert_eq!(words(&clues)[1], "inside a container (podman)");
        clues.container = variable(b"container=\0xcontainer=x\0");
        assert_eq!(words(&clues)[1], "inside a PID namespace of its own");
        clues.mark = Some("docker");
        assert_eq!(words(&clues)[1], "inside a container (docker)");
        clues.pid_namespace = INITIAL_PID_NAMESPACE;
        assert_eq!(clues.contained(), None);
    }
}
