//! The flags that this lesson adds to `run`.

use std::ops::Deref;
use std::path::PathBuf;

use clap::Args;
use ground::Result;
use ground::rootfs::default_rootfs;

use crate::{Rootfs, Workdir};

/// Where commands are looked for in a box with a root of its own. The host's `PATH` names the host's directories; the rest
/// of the environment is handed on as it is.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `run --rootfs DIR --workdir DIR`.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// Lesson 02's flags.
    #[command(flatten)]
    pub base: mount_ns::flags::Flags,
    /// Directory that becomes / in the box; when left out, one with a shell and the usual tools is made
    #[arg(long, value_name = "DIR")]
    pub rootfs: Option<PathBuf>,
    /// Directory in the box where the command begins; when left out, / or what an image says
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,
}

/// The flags of the lessons before are this one's, too.
impl Deref for Flags {
    type Target = mount_ns::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The part that `--rootfs` describes.
    pub fn rootfs(&self) -> Result<Rootfs> {
        let root = self.rootfs.clone().map_or_else(default_rootfs, Ok)?;
        Ok(Rootfs::new(root))
    }

    /// The part that `--workdir` describes.
    pub fn workdir(&self) -> Workdir {
        Workdir(self.workdir.clone().unwrap_or_else(|| "/".into()))
    }
}
