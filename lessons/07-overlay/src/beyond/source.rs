//! What a box is made from: an image, with what its maker said of the command, or a directory of the host.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chroot::Workdir;
use chroot::flags::PATH;
use clone_pid::Container;
use ground::{Error, Result};

use super::image::{AsUser, Image};

/// An image, which is held as long as this is there: nobody prunes its layers. Or none.
pub struct Source {
    image: Option<Image>,
    entrypoint: Option<OsString>,
}

impl Source {
    /// This image, or none.
    pub fn new(image: Option<Image>) -> Source {
        Source { image, entrypoint: None }
    }

    /// This program before the command, and nothing of the image's own; an empty name is none at all.
    pub fn entrypoint(self, entrypoint: Option<OsString>) -> Source {
        Source { entrypoint, ..self }
    }

    /// The directories of its layers, the lowest first.
    pub fn layers(&self) -> Option<Vec<PathBuf>> {
        self.image.as_ref().map(|image| image.layers().to_vec())
    }

    /// A container for the command, or for the image's own. A box of an image has the image's environment; another one the
    /// caller's. `container` is not for the image to set, as Fedora's does: by it `clean` knows our boxes.
    pub fn container(&self, argv: &[OsString]) -> Result<Container> {
        let Some(image) = &self.image else {
            return Container::new(&self.command(argv)?)?.env("PATH", PATH);
        };
        let container = Container::new(&self.command(argv)?)?.clear_env().env("PATH", PATH)?;
        let terminal = std::env::var("TERM").ok().map(|term| format!("TERM={term}"));
        let entries = terminal.iter().chain(&image.config().env);
        entries
            .filter_map(|entry| entry.split_once('='))
            .filter(|(key, _)| *key != "container")
            .try_fold(container, |container, (k, v)| container.env(k, v))
    }

    fn command(&self, argv: &[OsString]) -> Result<Vec<OsString>> {
        let words = match (&self.entrypoint, &self.image) {
            (None, Some(image)) => return image.command(argv),
            (program, _) => program.iter().filter(|p| !p.is_empty()).chain(argv).cloned(),
        };
        let words: Vec<OsString> = words.collect();
        match words.is_empty() {
            true => {
                Err(Error::usage("<COMMAND>... was not given").remedy("--help shows the usage"))
            }
            false => Ok(words),
        }
    }

    /// Where the command begins: where it was asked for, or else where the image says.
    pub fn workdir(&self, asked: Option<&Path>) -> Workdir {
        let of_image = || self.image.as_ref()?.config().workdir.as_deref().map(Path::new);
        Workdir(asked.or_else(of_image).unwrap_or(Path::new("/")).into())
    }

    /// As whom the command runs.
    pub fn user(&self) -> AsUser {
        self.image.as_ref().map_or(AsUser::new(None), Image::user)
    }
}
