//! What no name leads to and no box is made of goes: blobs, layers, and what dead processes left half-made.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use ground::call::quietly;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;

use super::blob::Health;
use super::digest::Digest;
use super::spec::Descriptor;
use super::store::{Store, remove_tree};

/// What a prune did.
#[derive(Debug, Default, Serialize)]
pub struct Pruned {
    /// Blobs removed, by digest.
    pub blobs: Vec<Digest>,
    /// Layers removed, by chain ID.
    pub layers: Vec<Digest>,
    /// Images that no name leads to and that a box is made of.
    pub kept: Vec<Digest>,
    /// Layers that no name leads to and that a box uses.
    pub in_use: Vec<Digest>,
    /// Blobs that were corrupt.
    pub corrupt: Vec<Digest>,
    /// Names of images of which something is missing now.
    pub broken: Vec<String>,
    /// Bytes of the blobs.
    pub bytes: u64,
}

impl Store {
    /// Removes a name, and with the last one the image.
    pub fn remove(&self, word: &str) -> Result<(Descriptor, Pruned)> {
        let alone = self.alone()?;
        let image = self.find(word)?;
        self.change(|images| {
            images.retain(|other| other.name() != image.name());
            Ok(())
        })?;
        Ok((image, self.prune_alone(&alone)?))
    }

    /// Removes what no name leads to. Waits until nobody adds. With `verify` every blob is read, and a corrupt one goes.
    pub fn prune(&self, verify: bool) -> Result<Pruned> {
        self.sweep()?;
        let alone = self.alone()?;
        let mut pruned = self.prune_alone(&alone)?;
        self.entries("partial")?.iter().try_for_each(|left| remove_tree(left))?;
        if verify {
            self.remove_corrupt(&mut pruned)?;
        }
        Ok(pruned)
    }

    fn prune_alone(&self, _alone: &Flock<File>) -> Result<Pruned> {
        let (mut blobs, mut layers) = (BTreeSet::new(), BTreeSet::new());
        let mut pruned = Pruned::default();
        for image in self.named()? {
            match self.parts(&image) {
                Ok((needed, chains)) => {
                    blobs.extend(needed);
                    layers.extend(chains);
                }
                // Of a damaged image it is not known what it needs: its name says so until somebody acts.
                Err(_) => pruned.broken.extend(image.name().map(str::to_string)),
            }
        }
        for image in self.used()? {
            let Ok((needed, chains)) = self.parts(&image) else { continue };
            if !blobs.contains(&image.digest) {
                pruned.kept.push(image.digest);
            }
            blobs.extend(needed);
            layers.extend(chains);
        }
        for (digest, at) in self.digests("blobs/sha256")? {
            if pruned.broken.is_empty() && !blobs.contains(&digest) {
                pruned.bytes += at.metadata().map_or(0, |meta| meta.len());
                quietly(format_args!("remove blob {}", digest.short()))
                    .run(|| fs::remove_file(&at))?;
                pruned.blobs.push(digest);
            }
        }
        for (chain, at) in self.digests("layers/sha256")? {
            if pruned.broken.is_empty() && !layers.contains(&chain) {
                let gone = self.remove_layer(&at)?;
                if gone { &mut pruned.layers } else { &mut pruned.in_use }.push(chain);
            }
        }
        Ok(pruned)
    }

    /// Out of sight in one step, then gone: half a layer never has the name of a whole one.
    fn remove_layer(&self, at: &Path) -> Result<bool> {
        let shown = path(at.display());
        let file = quietly(format_args!("open {shown}")).run(|| File::open(at))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_alone) => {
                let scratch = self.scratch()?;
                let away = scratch.path().join("layer");
                quietly(format_args!("rename {shown}")).run(|| fs::rename(at, &away))?;
                remove_tree(&away).map(|()| true)
            }
            Err((_, Errno::EWOULDBLOCK)) => Ok(false),
            Err((_, errno)) => Err(Error::os(format_args!("flock {shown}"), errno)),
        }
    }

    fn remove_corrupt(&self, pruned: &mut Pruned) -> Result<()> {
        for (digest, at) in self.digests("blobs/sha256")? {
            if self.examine(&digest)? == Health::Corrupt {
                quietly(format_args!("remove blob {}", digest.short()))
                    .run(|| fs::remove_file(&at))?;
                pruned.corrupt.push(digest);
            }
        }
        for image in self.named()? {
            let is_there = |blobs: Vec<Digest>| blobs.iter().all(|blob| self.blob(blob).exists());
            let whole = self.parts(&image).is_ok_and(|(blobs, _)| is_there(blobs));
            let name = image
                .name()
                .map(str::to_string)
                .filter(|name| !whole && !pruned.broken.contains(name));
            pruned.broken.extend(name);
        }
        Ok(())
    }

    /// The entries of a directory of the store that have a digest for a name.
    fn digests(&self, dir: &str) -> Result<Vec<(Digest, std::path::PathBuf)>> {
        let digest =
            |at: &Path| Digest::parse(&format!("sha256:{}", at.file_name()?.to_str()?)).ok();
        let named = |at: std::path::PathBuf| Some((digest(&at)?, at));
        let mut found: Vec<_> = self.entries(dir)?.into_iter().filter_map(named).collect();
        found.sort();
        Ok(found)
    }
}
