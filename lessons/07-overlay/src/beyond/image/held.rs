//! An image that a box is made of: its layers stay while it is held.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::digest::Digest;
use super::spec::{Config, Descriptor};
use super::store::Store;
use super::user::AsUser;

/// An image, and a shared lock on each of its layers.
pub struct Image {
    layers: Vec<PathBuf>,
    config: Config,
    digest: Digest,
    _locks: Vec<Flock<File>>,
}

impl Store {
    /// Finds an image by name or digest, and holds it.
    pub fn resolve(&self, word: &str) -> Result<Image> {
        let _lock = self.share()?;
        self.hold(&self.find(word)?)
    }

    /// Holds the layers of an image. The caller has the store's shared lock.
    pub(super) fn hold(&self, image: &Descriptor) -> Result<Image> {
        let config = self.config(&self.manifest(image)?)?;
        let layers: Vec<_> = super::chains(&config).iter().map(|chain| self.layer(chain)).collect();
        let locks = layers.iter().map(|layer| hold(layer)).collect::<Result<_>>()?;
        Ok(Image { layers, config: config.config, digest: image.digest.clone(), _locks: locks })
    }
}

impl Image {
    /// The directories of its layers, the lowest first.
    pub fn layers(&self) -> &[PathBuf] {
        &self.layers
    }

    /// How it is to be run.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The command: the entrypoint, and then `args`, or the image's own when there are none.
    pub fn command(&self, args: &[OsString]) -> Result<Vec<OsString>> {
        self.config.command(args)
    }

    /// As whom the command is to run.
    pub fn user(&self) -> AsUser {
        AsUser::new(self.config.user.as_deref())
    }
}

impl Config {
    /// The entrypoint, and then `args`, or the image's own words when there are none.
    pub fn command(&self, args: &[OsString]) -> Result<Vec<OsString>> {
        let own = || self.cmd.iter().map(OsString::from).collect();
        let rest: Vec<OsString> = if args.is_empty() { own() } else { args.to_vec() };
        let words: Vec<_> = self.entrypoint.iter().map(OsString::from).chain(rest).collect();
        match words.is_empty() {
            true => {
                Err(Error::usage("the image names no command").remedy("name one after the image"))
            }
            false => Ok(words),
        }
    }
}

fn hold(layer: &Path) -> Result<Flock<File>> {
    let shown = path(layer.display());
    let missing = || {
        let what = format!("the layer {shown} is missing from the store");
        Error::new(Kind::Failed, what).remedy("import or pull the image again")
    };
    let open = quietly(format_args!("open {shown}")).run(|| File::open(layer));
    let file = open.map_err(|e| if e.errno() == Some(Errno::ENOENT) { missing() } else { e })?;
    Flock::lock(file, FlockArg::LockSharedNonblock)
        .map_err(|(_, errno)| Error::os(format_args!("flock {shown}"), errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_replace_cmd_and_not_the_entrypoint() {
        let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        let os = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        let config =
            Config { entrypoint: words(&["echo"]), cmd: words(&["a"]), ..Config::default() };
        assert_eq!(config.command(&[]).unwrap(), os(&["echo", "a"]));
        assert_eq!(config.command(&os(&["b"])).unwrap(), os(&["echo", "b"]));
        assert!(Config::default().command(&[]).is_err());
    }
}
