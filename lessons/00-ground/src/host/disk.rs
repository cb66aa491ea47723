//! A disk of this run's own, whatever its directory is kept on: a loop device over a file. See loop(4).
//!
//! The kernel takes the device apart as soon as nobody has it open any more: [`Disk`] holds it, and a process that is
//! killed closes it, too. Only swap that is on holds it for ever; [`off_below`] finds that.

use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use crate::call::{IntoErrno, doing, quietly};
use crate::error::Result;
use crate::lesson::run_dir;
use crate::sys;
use crate::text::{path, size};

/// A block device over a file of the run's directory; both go when it is dropped.
#[derive(Debug)]
pub struct Disk {
    device: File,
    at: PathBuf,
    file: PathBuf,
}

impl Disk {
    /// Makes one. Its space is taken now: what is written later costs nobody memory, even if the file is in memory.
    pub fn make(name: &str, mib: u64) -> Result<Disk> {
        let at = run_dir()?.join(name);
        let shown = path(at.display());
        let file = quietly(format_args!("create {shown}"))
            .run(|| OpenOptions::new().read(true).write(true).create_new(true).open(&at))?;
        let bytes = mib << 20;
        let allocated = doing(format_args!("fallocate {} bytes for {shown}", size(bytes)))
            .like_args(format_args!("fallocate -l {mib}M {shown}"))
            .hint(Errno::ENOSPC, "free some space, or memory if it is a tmpfs")
            .run(|| fallocate(&file, FallocateFlags::empty(), 0, bytes as i64));
        let device = allocated.and_then(|()| {
            doing(format_args!("ioctl LOOP_CONFIGURE {shown} LO_FLAGS_AUTOCLEAR"))
                .like_args(format_args!("losetup --find --show {shown}"))
                .hint(Errno::ENOENT, "there is no /dev/loop-control; sudo modprobe loop")
                .run_showing(|| bind(&file), |(_, at)| Some(path(at.display()).to_string()))
        });
        match device {
            Ok((device, node)) => Ok(Disk { device, at: node, file: at }),
            Err(e) => {
                let _ = fs::remove_file(&at);
                Err(e)
            }
        }
    }

    /// The device.
    pub fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be removed now goes with the run's directory.
        let _ = fs::remove_file(&self.file);
    }
}

/// A number that is free may be taken by somebody else before it is bound: then the next.
fn bind(file: &File) -> nix::Result<(File, PathBuf)> {
    let open = |at: &Path| {
        let open = OpenOptions::new().read(true).write(true).open(at);
        open.map_err(IntoErrno::into_errno)
    };
    let control = open(Path::new("/dev/loop-control"))?;
    for _ in 0..16 {
        let at = PathBuf::from(format!("/dev/loop{}", sys::free_loop(control.as_fd())?));
        let device = open(&at)?;
        match sys::configure_loop(device.as_fd(), file.as_raw_fd() as u32) {
            Ok(()) => return Ok((device, at)),
            Err(Errno::EBUSY) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EBUSY)
}

/// A device on which the kernel swaps. It is swap of the whole host, used before any other, until this is dropped.
#[derive(Debug)]
pub struct Swap {
    at: PathBuf,
    disk: Option<Disk>,
}

impl Swap {
    /// Makes a disk and turns swapping to it on.
    pub fn on(mib: u64) -> Result<Swap> {
        let disk = Disk::make("swap", mib)?;
        swap_on(&disk.at, &disk.device, mib)?;
        Ok(Swap { at: disk.at.clone(), disk: Some(disk) })
    }

    /// Turns swapping to compressed memory on: the first zram device, which must be unused. Only for a machine that is
    /// thrown away: the sweeper does not know it.
    pub fn compressed(mib: u64) -> Result<Swap> {
        let (at, size) = (PathBuf::from("/dev/zram0"), mib << 20);
        doing(format_args!("write {size} to /sys/block/zram0/disksize"))
            .like_args(format_args!("zramctl /dev/zram0 --size {mib}M"))
            .hint(Errno::EBUSY, "it is in use")
            .run(|| fs::write("/sys/block/zram0/disksize", size.to_string()))?;
        let open = OpenOptions::new().read(true).write(true).open(&at);
        let device = quietly("open /dev/zram0").run(|| open)?;
        swap_on(&at, &device, mib)?;
        Ok(Swap { at, disk: None })
    }

    /// The device.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// KiB in use, as `/proc/swaps` says.
    pub fn used(&self) -> u64 {
        let table = fs::read_to_string("/proc/swaps").unwrap_or_default();
        let line =
            table.lines().find(|line| line.split(' ').next().map(Path::new) == Some(self.path()));
        line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let at = path(self.at.display());
        // What is left on is found by `clean`.
        let _ = doing(format_args!("swapoff {at}"))
            .like_args(format_args!("swapoff {at}"))
            .run(|| sys::swapoff(&self.at));
        if self.disk.is_none() {
            let _ = fs::write("/sys/block/zram0/reset", "1");
        }
    }
}

fn swap_on(at: &Path, device: &File, mib: u64) -> Result<()> {
    let shown = path(at.display());
    doing(format_args!("write a swap header to {shown}"))
        .like_args(format_args!("mkswap {shown}"))
        .run(|| write_header(device, mib))?;
    doing(format_args!("swapon {shown}"))
        .like_args(format_args!("swapon {shown}"))
        .hint(Errno::EPERM, "needs CAP_SYS_ADMIN in the initial user namespace")
        .run(|| sys::swapon(at))
}

/// What mkswap(8) writes: at 1024 version, last page and number of bad pages; the magic word ends the first page.
fn write_header(device: &File, mib: u64) -> std::io::Result<()> {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.unwrap_or(4096) as usize;
    let last = ((mib << 20) / page as u64 - 1) as u32;
    let mut header = vec![0; page];
    header[1024..1028].copy_from_slice(&1u32.to_ne_bytes());
    header[1028..1032].copy_from_slice(&last.to_ne_bytes());
    header[page - 10..].copy_from_slice(b"SWAPSPACE2");
    device.write_all_at(&header, 0)?;
    device.sync_all()
}

/// Turns off swap that a dead run left on: that whose loop device has a file below `dir`.
pub(super) fn off_below(dir: &Path) -> Result<()> {
    let table = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let devices = table.lines().skip(1).filter_map(|line| line.split(' ').next());
    for device in devices.filter(|device| backing(device).is_some_and(|file| file.starts_with(dir)))
    {
        quietly(format_args!("swapoff {device}")).run(|| sys::swapoff(Path::new(device)))?;
    }
    Ok(())
}

/// The files behind all loop devices.
pub(super) fn files() -> Vec<String> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let at = |device: fs::DirEntry| backing(&format!("/dev/{}", device.file_name().display()));
    devices.filter_map(at).map(|file| file.display().to_string()).collect()
}

/// The file behind a loop device.
fn backing(device: &str) -> Option<PathBuf> {
    let name = device.strip_prefix("/dev/")?;
    let file = fs::read_to_string(format!("/sys/block/{name}/loop/backing_file")).ok()?;
    Some(file.trim_end().into())
}
