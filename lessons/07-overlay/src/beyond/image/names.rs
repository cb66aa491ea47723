//! The names of images: `index.json` of the store, read and written whole.

use std::fs;
use std::io::ErrorKind;

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};
use nix::fcntl::FlockArg;

use super::digest::Digest;
use super::reference::{Reference, Version};
use super::spec::{self, Descriptor, ImageConfig, Index, Manifest, REF_NAME};
use super::store::Store;

impl Store {
    /// All images that have a name.
    pub fn named(&self) -> Result<Vec<Descriptor>> {
        let at = self.index();
        let read =
            quietly(format_args!("read {}", path(at.display()))).run(|| match fs::read(&at) {
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                other => other.map(Some),
            })?;
        let Some(bytes) = read else { return Ok(Vec::new()) };
        Ok(spec::parse::<Index>(&bytes, "index.json of the store")?.manifests)
    }

    /// Gives an image a name, and takes the name from the one that had it. An image without a name is kept until `prune`.
    pub fn name(&self, image: &Descriptor, name: &Reference) -> Result<()> {
        let name = match &name.version {
            Version::Tag(_) => name.to_string(),
            Version::Digest(_) => format!("{}@{}", name.name, image.digest),
        };
        self.change(|images| {
            images.retain(|image| image.name() != Some(&name));
            let mut image = image.clone();
            image.annotations.insert(REF_NAME.into(), name);
            images.push(image);
            Ok(())
        })
    }

    /// Changes the list of names. One at a time: it is read, changed and replaced.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Descriptor>) -> Result<T>,
    ) -> Result<T> {
        let _lock = self.lock("index.lock", FlockArg::LockExclusiveNonblock)?;
        let mut index = Index { manifests: self.named()?, ..Index::default() };
        let changed = change(&mut index.manifests)?;
        index.manifests.sort_by(|a, b| a.name().cmp(&b.name()));
        self.replace(&self.index(), &spec::bytes(&index))?;
        Ok(changed)
    }

    /// The image that people mean: a name, or the beginning of a digest of manifest or config.
    pub fn find(&self, word: &str) -> Result<Descriptor> {
        let images = self.named()?;
        let named = |name: &str| images.iter().find(|image| image.name() == Some(name));
        let reference = Reference::parse(word);
        if let Ok(reference) = &reference {
            let local = format!("localhost/{reference}");
            if let Some(found) = named(&reference.to_string()).or_else(|| named(&local)) {
                return Ok(found.clone());
            }
            if let Version::Digest(digest) = &reference.version
                && let Some(found) = images.iter().find(|image| image.digest == *digest)
            {
                return Ok(found.clone());
            }
        }
        if let Some(found) = self.by_digits(&images, word)?.or_else(|| self.find_used(word)) {
            return Ok(found);
        }
        let missing =
            format!("there is no image {} in {}", super::cut(word), path(self.root().display()));
        let missing = Error::new(Kind::Failed, missing)
            .remedy("`image list` shows what is there; `image import` and `image pull` bring more");
        Err(reference.err().unwrap_or(missing))
    }

    fn by_digits(&self, images: &[Descriptor], word: &str) -> Result<Option<Descriptor>> {
        let digits = word.strip_prefix("sha256:").unwrap_or(word);
        if digits.len() < 4 || !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let is_it = |image: &&Descriptor| {
            let config = self.manifest(image).map(|manifest| manifest.config.digest);
            image.digest.hex().starts_with(digits)
                || config.is_ok_and(|id| id.hex().starts_with(digits))
        };
        let mut found = images.iter().filter(is_it);
        let first = found.next();
        match found.find(|other| Some(&other.digest) != first.map(|first| &first.digest)) {
            Some(_) => Err(Error::usage(format!(
                "{} begins the digests of several images",
                super::cut(word)
            ))),
            None => Ok(first.cloned()),
        }
    }

    /// The manifest of an image.
    pub fn manifest(&self, image: &Descriptor) -> Result<Manifest> {
        spec::parse(&self.read_blob(&image.digest)?, "the manifest")
    }

    /// The config of an image.
    pub fn config(&self, manifest: &Manifest) -> Result<ImageConfig> {
        spec::parse(&self.read_blob(&manifest.config.digest)?, "the config")
    }

    /// What an image needs: digests of its blobs, and of its layers' chains.
    pub(super) fn parts(&self, image: &Descriptor) -> Result<(Vec<Digest>, Vec<Digest>)> {
        let manifest = self.manifest(image)?;
        let mut blobs = vec![image.digest.clone(), manifest.config.digest.clone()];
        blobs.extend(manifest.layers.iter().map(|layer| layer.digest.clone()));
        Ok((blobs, super::chains(&self.config(&manifest)?)))
    }
}
