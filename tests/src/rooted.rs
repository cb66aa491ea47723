//! Boxes with mounts of their own, on a host where every mount is shared, as under systemd; and from lesson 03 on, on a root
//! file system that the test makes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use ground::needs::Need;

use crate::{Background, needs, on_shared_mounts, program};

/// What such a box needs of the machine.
pub const NEEDS: [Need; 5] =
    [Need::Admin, Need::Clone3, Need::CloseRange, Need::MountApi, Need::MountSetattr];
const L03: &str = "03-chroot";
/// The probe in a [`Scratch::image`](crate::Scratch::image).
pub const PROBE: &str = "/bxw-probe";

/// Whether there is all of it, and `unshare` for [`on_shared_mounts`].
pub fn can_run() -> bool {
    needs(&NEEDS) && program("unshare")
}

/// `run --rootfs IMAGE FLAGS… PROBE VERB…`.
pub fn run(image: &str, flags: &[&str], verb: &[&str]) -> Command {
    let fixed = ["run", "--no-card", "--rootfs", image];
    on_shared_mounts("", L03, &[&fixed, flags, &[PROBE], verb].concat())
}

/// `-v VOLUME` for each.
pub fn volumes<'a>(volumes: &[&'a str]) -> Vec<&'a str> {
    volumes.iter().flat_map(|volume| ["-v", volume]).collect()
}

/// A box on `image` that has become its command and stays.
pub fn sleeper(image: &str, flags: &[&str]) -> Background {
    let mut running = Background::of(&mut run(image, flags, &["trap"]));
    assert_eq!(running.line(), "ready");
    running
}

/// Device and inode.
pub fn identity(path: impl AsRef<Path>) -> (u64, u64) {
    let file = fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()));
    (file.dev(), file.ino())
}
