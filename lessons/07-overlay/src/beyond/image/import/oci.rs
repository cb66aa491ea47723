//! An OCI image layout: `oci-layout`, `index.json` and `blobs/`. See the image spec, image-layout.md.

use ground::error::Kind;
use ground::{Error, Result};

use super::archive::Source;
use crate::beyond::image::adding::Adding;
use crate::beyond::image::blob;
use crate::beyond::image::digest::Digest;
use crate::beyond::image::spec::{
    self, Descriptor, FULL_NAME, ImageConfig, Index, Manifest, Platform,
};
use crate::beyond::image::store::Store;
use crate::beyond::image::unpack::Limits;

/// All images of the layout that are for this machine, with their names.
pub fn import(
    store: &Store,
    source: &Source,
    limits: Limits,
) -> Result<Vec<(Descriptor, Vec<String>)>> {
    let index: Index = spec::parse(&source.small("index.json")?, "index.json")?;
    let mut found: Vec<(Descriptor, Vec<String>)> = Vec::new();
    for entry in choose(&index.manifests) {
        let words = name_of(entry).map(str::to_string);
        // An image with two names is there twice.
        match found.iter_mut().find(|(image, _)| image.digest == entry.digest) {
            Some((_, names)) => names.extend(words),
            None => found.push((image(store, source, entry, limits)?, words.into_iter().collect())),
        }
    }
    match found.is_empty() {
        true => Err(Error::new(Kind::Failed, "the layout holds no image for this machine")),
        false => Ok(found),
    }
}

/// The whole name, unless the tag beside it is another: tools that make a new tag copy what they do not know.
fn name_of(entry: &Descriptor) -> Option<&str> {
    let whole = entry.annotations.get(FULL_NAME).map(String::as_str);
    let fits = |whole: &&str| entry.name().is_none_or(|tag| whole.ends_with(tag));
    whole.filter(fits).or(entry.name())
}

/// Those for this machine; when there is none, whatever there is. Signatures and the like have no platform of the world.
pub fn choose(manifests: &[Descriptor]) -> Vec<&Descriptor> {
    let here = Platform::here();
    let is_image =
        |entry: &&Descriptor| entry.platform.as_ref().is_none_or(|it| it.os != "unknown");
    let fits = |entry: &&Descriptor| entry.platform.as_ref().is_none_or(|it| *it == here);
    let images: Vec<_> = manifests.iter().filter(is_image).collect();
    match images.iter().any(fits) {
        true => images.into_iter().filter(fits).collect(),
        false => images,
    }
}

fn image(store: &Store, source: &Source, entry: &Descriptor, limits: Limits) -> Result<Descriptor> {
    let mut entry = entry.clone();
    // An index in an index: an image for many platforms. Deeper than that nobody means well.
    if entry.is_index() {
        let index: Index = spec::parse(&small(source, &entry)?, "an index")?;
        let first = choose(&index.manifests).first().copied().cloned();
        entry = first.ok_or_else(|| Error::new(Kind::Failed, "an index without an image"))?;
    }
    if ![spec::MANIFEST, spec::DOCKER_MANIFEST].contains(&entry.media_type.as_str()) {
        let what =
            format!("an image of media type {}: not one", super::super::cut(&entry.media_type));
        return Err(Error::new(Kind::Failed, what));
    }
    let bytes = small(source, &entry)?;
    let manifest: Manifest = spec::parse(&bytes, "the manifest")?;
    manifest.check()?;
    let config_bytes = small(source, &manifest.config)?;
    let config: ImageConfig = spec::parse(&config_bytes, "the config")?;
    if config.rootfs.diff_ids.len() != manifest.layers.len() {
        let (layers, told) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        return Err(Error::new(
            Kind::Failed,
            format!("the manifest has {layers} layers, the config {told}"),
        ));
    }
    let mut adding = Adding::new(store, limits)?;
    for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        // A damaged one is read anew, and replaced.
        if !(store.has(&layer.digest)? && adding.known_layer(layer, diff_id)) {
            adding.layer(source.read(&at(&layer.digest))?, Some(layer), Some(diff_id))?;
        }
    }
    adding.finish(&bytes, &config_bytes)
}

fn small(source: &Source, blob: &Descriptor) -> Result<Vec<u8>> {
    let bytes = source.small(&at(&blob.digest))?;
    blob::check(blob, &Digest::of(&bytes), bytes.len() as u64)?;
    Ok(bytes)
}

fn at(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
