//! The flags that this lesson adds to `run`.

use std::ops::Deref;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clone_pid::Part;
use ground::Result;

use crate::{Volume, VolumeSpec};

/// `run --volume`.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and lesson 01's has the same name
pub struct Flags {
    /// Lesson 01's flags.
    #[command(flatten)]
    pub base: clone_pid::flags::Flags,
    /// Lend the box a directory or file of the host; may be repeated
    #[arg(
        short,
        long = "volume",
        value_name = "SRC:DST[:ro]",
        value_parser = OsStringValueParser::new().try_map(VolumeSpec::from_argument)
    )]
    pub volumes: Vec<VolumeSpec>,
}

/// The flags of the lessons before are this one's, too.
impl Deref for Flags {
    type Target = clone_pid::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The part that the flags describe.
    pub fn volumes(&self) -> Volumes {
        Volumes(self.volumes.iter().cloned().map(Volume::new).collect())
    }
}

/// Any number of volumes, in order: a later one may stand in an earlier one.
pub struct Volumes(Vec<Volume>);

impl Part for Volumes {
    fn prepare(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(Volume::prepare)
    }

    fn enter(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(Volume::enter)
    }
}
