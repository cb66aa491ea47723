//! The flags that this lesson adds to `run`: Docker's, with Docker's meaning.

use std::ffi::OsString;
use std::ops::Deref;

use chroot::flags::PATH;
use clap::Args;
use clone_pid::Container;
use ground::Result;
use overlay::beyond::source::Source;

use crate::Init;
use crate::beyond::runtime::flags::RuntimeFlags;
use crate::beyond::runtime::terminal::Terminal;

/// `run --init`.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// The flags of the lessons before.
    #[command(flatten)]
    pub base: caps::flags::Flags,
    /// An init as PID 1: it forwards signals to the command and reaps orphans
    #[arg(long)]
    pub init: bool,
    /// How the box is watched, named and restarted.
    #[command(flatten)]
    pub runtime: RuntimeFlags,
}

/// The flags of the lessons before are this one's, too.
impl Deref for Flags {
    type Target = caps::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The container for a command, with nothing of our own environment in it: an image brings its own.
    pub fn fresh(&self, source: &Source, argv: &[OsString]) -> Result<Container> {
        let container = source.container(argv)?;
        match self.image {
            Some(_) => Ok(container),
            None => container.clear_env().env("PATH", PATH),
        }
    }

    /// The flags of lesson 06, to be completed.
    pub fn lesson_06(&mut self) -> &mut veth::flags::Flags {
        &mut self.base.base.base
    }

    /// Gives the box another host name.
    pub fn set_hostname(&mut self, name: &str) {
        let lesson_03 = &mut self.lesson_06().base.base.base;
        lesson_03.base.base.hostname = name.to_string();
    }

    /// The part that `--tty` describes.
    pub fn terminal(&self) -> Terminal {
        self.runtime.terminal()
    }

    /// The part that `--init` describes.
    pub fn init(&self) -> Init {
        Init::wanted(self.init)
    }
}
