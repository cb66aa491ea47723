//! What is in the store, for people and for programs.

use ground::Result;
use serde::Serialize;

use super::blob::Health;
use super::digest::Digest;
use super::spec::{Config, Descriptor, History};
use super::store::Store;

/// An image as `image list` and `image inspect` show it.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Digest of the config: what Docker calls the image ID.
    pub id: Digest,
    /// `linux/amd64`.
    pub platform: String,
    /// When it was made, if it says so.
    pub created: Option<String>,
    /// Bytes of its blobs.
    pub size: u64,
    /// How it is run.
    pub config: Config,
    /// The layers, the lowest first.
    pub layers: Vec<LayerSummary>,
    /// How it was made.
    pub history: Vec<History>,
}

/// A layer.
#[derive(Debug, Serialize)]
pub struct LayerSummary {
    /// Of the blob.
    pub digest: Digest,
    /// Of the uncompressed archive.
    pub diff_id: Digest,
    /// With everything below it.
    pub chain_id: Digest,
    /// Of the blob.
    pub size: u64,
    /// As the manifest says.
    pub media_type: String,
    /// Where it is unpacked.
    pub directory: String,
}

/// What became of a part of an image.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The blob.
    pub digest: Digest,
    /// `whole`, `missing` or `corrupt`.
    pub state: &'static str,
}

impl Store {
    /// Reads what there is to know about an image.
    pub fn summary(&self, image: &Descriptor) -> Result<Summary> {
        let manifest = self.manifest(image)?;
        let config = self.config(&manifest)?;
        let chains = super::chains(&config);
        let layers = manifest.layers.iter().zip(&config.rootfs.diff_ids).zip(chains);
        let layer = |((layer, diff_id), chain_id): ((&Descriptor, &Digest), Digest)| LayerSummary {
            digest: layer.digest.clone(),
            diff_id: diff_id.clone(),
            directory: self.layer(&chain_id).display().to_string(),
            chain_id,
            size: layer.size,
            media_type: layer.media_type.clone(),
        };
        Ok(Summary {
            name: image.name().unwrap_or_default().into(),
            digest: image.digest.clone(),
            platform: format!("{}/{}", config.platform.os, config.platform.architecture),
            size: image.size
                + manifest.config.size
                + manifest.layers.iter().map(|it| it.size).sum::<u64>(),
            layers: layers.map(layer).collect(),
            id: manifest.config.digest,
            created: config.created,
            config: config.config,
            history: config.history,
        })
    }

    /// Reads every blob of an image from end to end.
    pub fn verify(&self, image: &Descriptor) -> Result<Vec<Checked>> {
        // Of a manifest that cannot be read nothing more is known.
        let blobs =
            self.parts(image).map_or_else(|_| vec![image.digest.clone()], |(blobs, _)| blobs);
        let check = |digest: Digest| {
            let state = match self.examine(&digest)? {
                Health::Whole => "whole",
                Health::Missing => "missing",
                Health::Corrupt => "corrupt",
            };
            Ok(Checked { digest, state })
        };
        blobs.into_iter().map(check).collect()
    }
}
