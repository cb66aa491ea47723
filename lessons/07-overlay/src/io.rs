//! How fast a box may read from and write to a disk.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use cgroup_cpu::{Group, write};
use clone_pid::{Birth, Part};
use ground::call::{IntoErrno, quietly};
use ground::cgroup::{Controller, Place, Version};
use ground::story::evidence;
use ground::text::{device, path};
use ground::{Error, Result};
use nix::errno::Errno;

/// What is counted in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Bytes read.
    ReadBytes,
    /// Bytes written.
    WriteBytes,
    /// Requests to read.
    ReadRequests,
    /// Requests to write.
    WriteRequests,
}

impl Rate {
    /// v1's file: one for each.
    fn file(self) -> &'static str {
        match self {
            Rate::ReadBytes => "blkio.throttle.read_bps_device",
            Rate::WriteBytes => "blkio.throttle.write_bps_device",
            Rate::ReadRequests => "blkio.throttle.read_iops_device",
            Rate::WriteRequests => "blkio.throttle.write_iops_device",
        }
    }

    /// v2's word in the one file `io.max`.
    fn word(self) -> &'static str {
        match self {
            Rate::ReadBytes => "rbps",
            Rate::WriteBytes => "wbps",
            Rate::ReadRequests => "riops",
            Rate::WriteRequests => "wiops",
        }
    }
}

/// One limit for one disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The disk, `/dev/sda`: the whole of it, for a partition has no queue.
    pub device: PathBuf,
    /// What is counted.
    pub rate: Rate,
    /// In a second; 0 is no limit.
    pub most: u64,
}

// ANCHOR: io-limit
/// Requests of the box to a disk wait in its group when it had its share of this second. See the kernel's
/// [block I/O controller](https://docs.kernel.org/admin-guide/cgroup-v1/blkio-controller.html) and
/// [`io.max`](https://docs.kernel.org/admin-guide/cgroup-v2.html#io).
pub struct IoLimit {
    group: Group,
    throttles: Vec<Throttle>,
}

impl IoLimit {
    /// These limits.
    pub fn new(throttles: Vec<Throttle>) -> IoLimit {
        IoLimit { group: Group::default(), throttles }
    }

    /// In this group, and not that of the run.
    pub fn of(self, group: &Group) -> IoLimit {
        IoLimit { group: group.clone(), ..self }
    }
}

impl Part for IoLimit {
    fn prepare(&mut self) -> Result<()> {
        // Looked up first: a name that is no disk should not leave a group.
        let numbers: Vec<_> = self.throttles.iter().map(number).collect::<Result<_>>()?;
        let place = self.group.make(Controller::IO)?;
        self.throttles.iter().zip(numbers).try_for_each(|(t, number)| t.write(&place, &number))
    }

    fn cgroups(&self) -> Result<Vec<Birth>> {
        self.group.births(Controller::IO)
    }

    fn release(&mut self) -> Result<()> {
        self.group.remove(Controller::IO)
    }
}

impl Throttle {
    fn write(&self, place: &Place, number: &str) -> Result<()> {
        let wrong = (Errno::ENODEV, "the number of a whole disk, not of a partition or a tty");
        let number = device(number);
        let file = match place.version {
            Version::V1 => {
                write(place, self.rate.file(), format_args!("{number} {}", self.most), wrong)?;
                self.rate.file()
            }
            Version::V2 => {
                let most = if self.most == 0 { "max".into() } else { self.most.to_string() };
                let line = format!("{number} {}={most}", self.rate.word());
                write(place, "io.max", line, wrong)?;
                "io.max"
            }
        };
        evidence(place.shown(file), line_of(&place.read(file)?, &number));
        Ok(())
    }
}
// ANCHOR_END: io-limit

/// The line of one disk, its number marked as a value that varies.
fn line_of(text: &str, number: &impl Display) -> String {
    let number = ground::text::Text::from(number.to_string()).text;
    let rest = text.lines().find_map(|line| line.strip_prefix(&number));
    rest.map_or_else(|| "nothing".into(), |rest| format!("{}{rest}", device(number)))
}

/// `major:minor`, by which the kernel knows a disk.
fn number(throttle: &Throttle) -> Result<String> {
    number_of(&throttle.device)
}

/// The number of a block device by its path.
pub(crate) fn number_of(at: &Path) -> Result<String> {
    let shown = path(at.display());
    let meta = quietly(format_args!("stat {shown}"))
        .hint(Errno::ENOENT, "no such device; lsblk names the disks")
        .run(|| fs::metadata(at).map_err(IntoErrno::into_errno))?;
    if !meta.file_type().is_block_device() {
        let what = format!("{shown} is no disk");
        return Err(Error::usage(what).remedy("name a block device, like /dev/sda"));
    }
    let number = meta.rdev();
    Ok(format!("{}:{}", libc::major(number), libc::minor(number)))
}

/// Docker's `/dev/sda:1mb`.
pub(crate) fn parse(word: &str, rate: Rate) -> Result<Throttle> {
    let usage = || match rate {
        Rate::ReadBytes | Rate::WriteBytes => Error::usage("a disk and a rate: /dev/sda:1mb"),
        _ => Error::usage("a disk and a number of requests: /dev/sda:100"),
    };
    let (disk, most) = word.rsplit_once(':').ok_or_else(usage)?;
    if !disk.starts_with('/') {
        return Err(usage());
    }
    let most = match rate {
        Rate::ReadBytes | Rate::WriteBytes => memory_oom::size::parse(most).map_err(|_| usage())?,
        _ => most.parse().map_err(|_| usage())?,
    };
    match most {
        0 => Err(Error::usage("a rate above 0: nobody could ever go on")),
        most => Ok(Throttle { device: disk.into(), rate, most }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_is_a_disk_and_a_rate() {
        let parsed = parse("/dev/a:b:2m", Rate::ReadBytes).unwrap();
        assert_eq!((parsed.device, parsed.most), ("/dev/a:b".into(), 2 << 20));
        assert_eq!(parse("/dev/sda:100", Rate::WriteRequests).unwrap().most, 100);
        for word in ["", "/dev/sda", "/dev/sda:", "sda:1m", "/dev/sda:0", "/dev/sda:fast"] {
            assert!(parse(word, Rate::WriteBytes).is_err(), "{word}");
        }
        assert!(parse("/dev/sda:1m", Rate::ReadRequests).is_err());
    }

    #[test]
    fn what_is_no_disk_is_named() {
        let error = number_of(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.starts_with("/dev/null is no disk"), "{error}");
        assert!(number_of(Path::new("/dev/none")).unwrap_err().to_string().contains("lsblk"));
    }
}
