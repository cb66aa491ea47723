//! One QEMU process: its command line, and its ends on our side.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vm_agent::frame::{self, Kind};

use super::accel::Accel;
use super::qmp::Monitor;
use super::{Cgroup, sys};
use crate::failure::{Failure, Result};

/// The program that is the machine.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// What a machine is made of.
#[derive(Debug, Clone, Hash)]
pub struct Config {
    /// KVM or TCG.
    pub accel: Accel,
    /// Processors.
    pub cpus: u32,
    /// RAM in MiB.
    pub memory: u32,
    /// The hierarchy that its first process mounts.
    pub cgroup: Cgroup,
    /// The kernel's file.
    pub kernel: PathBuf,
    /// Its first root directory.
    pub initramfs: PathBuf,
    /// The host's directory that the machine may write to.
    pub state: PathBuf,
}

/// Where the machine's RAM is.
#[derive(Debug, Clone, Copy)]
pub enum Ram<'a> {
    /// Nowhere on disk.
    Anonymous,
    /// In this new file, for a snapshot.
    Saved(&'a Path),
    /// As this file has it; what is written stays private.
    Restored(&'a Path),
}

/// What paid when it was measured without KVM: no mitigations and randomisation, no zeroing, no
/// self-tests and calibration.
pub const KERNEL_ARGUMENTS: &str = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr \
    init_on_alloc=0 audit=0 lsm=capability cryptomgr.notests no_timer_check tsc=reliable";

impl Config {
    /// QEMU's arguments; `port`, `monitor` and `console` are descriptors it inherits.
    pub fn arguments(&self, ram: Ram, [port, monitor, console]: [i32; 3]) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.into(), value.into()]);
        add("-display", "none".into());
        add("-machine", "pc,memory-backend=ram,usb=off,hpet=off".into());
        add("-accel", self.accel.qemu().0.into());
        add("-cpu", self.accel.qemu().1.into());
        add("-smp", self.cpus.to_string());
        add("-m", self.memory.to_string());
        add("-object", self.ram(ram));
        add("-kernel", self.kernel.display().to_string());
        add("-initrd", self.initramfs.display().to_string());
        add("-append", format!("{KERNEL_ARGUMENTS} bxw.cgroup={}", self.cgroup.name()));
        for (id, fd) in [("port", port), ("monitor", monitor), ("console", console)] {
            add("-chardev", format!("socket,id={id},fd={fd}"));
        }
        add("-mon", "chardev=monitor,mode=control".into());
        add("-serial", "chardev:console".into());
        // With ioeventfd the last writes before the end get lost.
        add("-device", "virtio-serial-pci,ioeventfd=off".into());
        add("-device", "virtserialport,chardev=port,nr=1".into());
        for (tag, path, mode) in
            [("host", Path::new("/"), ",readonly=on"), ("state", &self.state, "")]
        {
            let path = comma_doubled(path);
            let options = format!("security_model=none,multidevs=remap{mode}");
            add("-fsdev", format!("local,id={tag},path={path},{options}"));
            add("-device", format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}"));
        }
        if let Ram::Restored(_) = ram {
            add("-incoming", "defer".into());
        }
        words.extend(["-nodefaults", "-no-user-config", "-no-reboot"].map(OsString::from));
        words
    }

    fn ram(&self, ram: Ram) -> String {
        let size = self.memory;
        let file = |path, share| {
            let path = comma_doubled(path);
            format!("memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}")
        };
        match ram {
            Ram::Anonymous => format!("memory-backend-ram,id=ram,size={size}M"),
            Ram::Saved(path) => file(path, "on"),
            Ram::Restored(path) => file(path, "off"),
        }
    }
}

/// A comma ends a value in QEMU's options, two are one.
fn comma_doubled(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// A running QEMU. It ends when this is dropped, and with our process, however that ends.
pub struct Qemu {
    child: Child,
    /// To the machine's first process.
    pub port: UnixStream,
    /// To QEMU itself.
    pub monitor: Monitor,
    console: Option<JoinHandle<Vec<u8>>>,
}

impl Qemu {
    /// Starts it. All connections are pairs of sockets: there is no file to leave behind.
    pub fn start(config: &Config, ram: Ram) -> Result<Qemu> {
        let failed = |error: io::Error| Failure::unusable(format!("start {PROGRAM}: {error}"));
        let pair = || UnixStream::pair().map_err(failed);
        let (port, monitor, console) = (pair()?, pair()?, pair()?);
        let theirs = [&port.1, &monitor.1, &console.1].map(|stream| stream.as_raw_fd());
        let mut command = Command::new(PROGRAM);
        command.args(config.arguments(ram, theirs)).stdin(Stdio::null()).stdout(Stdio::null());
        let stderr = console.1.try_clone().map_err(failed)?;
        command.stderr(OwnedFd::from(stderr));
        sys::tie(&mut command, theirs.to_vec());
        let child = command.spawn().map_err(failed)?;
        drop(command); // it holds QEMU's end of the console
        let console = Some(thread::spawn(move || listen(console.0)));
        Ok(Qemu { child, port: port.0, monitor: Monitor::new(monitor.0), console })
    }

    /// Waits until the first process says that it is ready.
    pub fn wait_ready(&mut self, patience: Duration) -> Result<()> {
        let ready = self.port.set_read_timeout(Some(patience)).and_then(|()| {
            let ready = frame::read(&mut self.port)?;
            self.port.set_read_timeout(None)?;
            Ok(ready)
        });
        match ready {
            Ok((Kind::Ready, _)) => Ok(()),
            Ok((kind, _)) => Err(Failure::failed(format!("the machine began with {kind:?}"))),
            Err(error) => Err(Failure::unusable(format!("the machine did not boot: {error}"))),
        }
    }

    /// Ends it and returns the last of what the kernel and QEMU have said.
    pub fn end(mut self) -> String {
        self.kill();
        let said = self.console.take().and_then(|console| console.join().ok());
        String::from_utf8_lossy(&said.unwrap_or_default()).trim().to_owned()
    }

    fn kill(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads the console to its end, lest QEMU wait for us, and returns the last of it.
fn listen(mut console: UnixStream) -> Vec<u8> {
    const ENOUGH: usize = 4096;
    let (mut said, mut bytes) = (Vec::new(), [0; ENOUGH]);
    while let Ok(length @ 1..) = console.read(&mut bytes) {
        said.extend(&bytes[..length]);
        said.drain(..said.len().saturating_sub(ENOUGH));
    }
    said
}
