//! What `docker save` wrote before it wrote OCI layouts, and `podman save` still does: `manifest.json`, a config, and the
//! layers, each a tar archive.

use ground::error::Kind;
use ground::{Error, Result};
use serde::Deserialize;

use super::archive::Source;
use crate::beyond::image::adding::Adding;
use crate::beyond::image::digest::Digest;
use crate::beyond::image::spec::{self, Descriptor, ImageConfig};
use crate::beyond::image::store::Store;
use crate::beyond::image::unpack::Limits;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// All images of the archive, with their names.
pub fn import(
    store: &Store,
    source: &Source,
    limits: Limits,
) -> Result<Vec<(Descriptor, Vec<String>)>> {
    let saved: Vec<Saved> = spec::parse(&source.small("manifest.json")?, "manifest.json")?;
    if saved.is_empty() {
        return Err(Error::new(Kind::Failed, "manifest.json names no image"));
    }
    saved.into_iter().map(|saved| image(store, source, saved, limits)).collect()
}

fn image(
    store: &Store,
    source: &Source,
    saved: Saved,
    limits: Limits,
) -> Result<(Descriptor, Vec<String>)> {
    let bytes = source.small(&saved.config)?;
    check_name(&saved.config, &bytes)?;
    let config: ImageConfig = spec::parse(&bytes, "the config")?;
    spec::check_number(saved.layers.len())?;
    if config.rootfs.diff_ids.len() != saved.layers.len() {
        let (layers, told) = (saved.layers.len(), config.rootfs.diff_ids.len());
        return Err(Error::new(
            Kind::Failed,
            format!("manifest.json has {layers} layers, the config {told}"),
        ));
    }
    let mut adding = Adding::new(store, limits)?;
    for (layer, diff_id) in saved.layers.iter().zip(&config.rootfs.diff_ids) {
        adding.layer(source.read(layer)?, None, Some(diff_id))?;
    }
    // The config goes on as it is: its digest is what people know the image by.
    let layers = adding.layers().iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = spec::Manifest::new(Descriptor::of(spec::CONFIG, &bytes), layers);
    manifest.check()?;
    let image = adding.finish(&spec::bytes(&manifest), &bytes)?;
    Ok((image, saved.repo_tags.unwrap_or_default()))
}

/// The config is called by its digest, `HEX.json` or `blobs/sha256/HEX`.
fn check_name(name: &str, bytes: &[u8]) -> Result<()> {
    let file = name.rsplit('/').next().unwrap_or_default();
    let hex = file.strip_suffix(".json").unwrap_or(file);
    match Digest::parse(&format!("sha256:{hex}")) {
        Ok(promised) if promised != Digest::of(bytes) => {
            let what = format!("the config {promised} has the digest {}", Digest::of(bytes));
            Err(Error::new(Kind::Failed, what)
                .remedy("it was changed or damaged; get the image again"))
        }
        _ => Ok(()),
    }
}
