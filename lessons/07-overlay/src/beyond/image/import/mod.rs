//! Images come in: an OCI layout, what `docker save` or `podman save` wrote, or a plain root file system.

mod archive;
mod docker;
mod oci;

pub use oci::choose;

use std::path::Path;

use ground::error::Kind;
use ground::{Error, Result};

use super::adding::Adding;
use super::blob::open_regular;
use super::reference::{Reference, Version};
use super::spec::{self, Descriptor, History, ImageConfig, Manifest};
use super::store::Store;
use super::unpack::Limits;
use archive::Source;

/// An image that came in.
pub struct Imported {
    /// Its manifest.
    pub image: Descriptor,
    /// What it is called now; without a name it goes with the next prune.
    pub names: Vec<Reference>,
}

/// Imports what is at `from`: a file, a directory, or standard input when it is `-`. With `name` it is called that, and
/// there must be one image only; else what the archive says.
pub fn import(
    store: &Store,
    from: &Path,
    name: Option<&Reference>,
    limits: Limits,
) -> Result<Vec<Imported>> {
    // Held to the end: what is published and not yet named must not be pruned.
    let _lock = store.share()?;
    let source = Source::open(store, from, limits)?;
    let found = if source.has("oci-layout") || source.has("index.json") {
        oci::import(store, &source, limits)?
    } else if source.has("manifest.json") {
        docker::import(store, &source, limits)?
    } else {
        vec![root_file_system(store, &source, limits)?]
    };
    if name.is_some() && found.len() > 1 {
        let what = format!(
            "{} holds {} images: they cannot all have one name",
            from.display(),
            found.len()
        );
        return Err(Error::usage(what).remedy("leave --name out"));
    }
    let named = |(image, words): (Descriptor, Vec<String>)| {
        let mut names = match name {
            Some(name) => vec![name.clone()],
            None => words.iter().filter_map(|word| full_name(word, from)).collect(),
        };
        if names.is_empty() {
            names.extend(full_name("latest", from));
        }
        names.iter().try_for_each(|name| store.name(&image, name))?;
        Ok(Imported { image, names })
    };
    found.into_iter().map(named).collect()
}

/// An annotation may hold a whole name, or only a tag: then the image is called like the file.
fn full_name(word: &str, from: &Path) -> Option<Reference> {
    if word.contains(['/', ':', '@']) {
        return Reference::parse(word).ok();
    }
    let file = from.file_name()?.to_str()?.to_lowercase();
    let ends = [".gz", ".zst", ".tgz", ".tar", ".oci"];
    let stem = ends.iter().fold(file.as_str(), |stem, end| stem.strip_suffix(end).unwrap_or(stem));
    let name = Reference::parse(stem).ok()?.name;
    let tag = Reference::parse(&format!("{name}:{word}")).ok()?;
    matches!(tag.version, Version::Tag(_)).then_some(tag)
}

/// One layer and a config that says nothing: the same archive gives the same image.
fn root_file_system(
    store: &Store,
    source: &Source,
    limits: Limits,
) -> Result<(Descriptor, Vec<String>)> {
    let file = source.original().ok_or_else(|| {
        Error::usage("this directory is no OCI image layout").remedy(
            "for a root file system: `tar -C DIR -c . | 07-overlay image import --name NAME -`",
        )
    })?;
    if source.is_empty() {
        return Err(Error::new(Kind::Failed, "the archive is empty"));
    }
    let mut adding = Adding::new(store, limits)?;
    adding.layer(open_regular(file)?, None, None)?;
    let layer = adding.layers()[0].clone();
    let mut config = ImageConfig::default();
    config.rootfs.diff_ids.push(layer.diff_id);
    config.history.push(History { created_by: Some("image import".into()), ..History::default() });
    finish(adding, &config).map(|image| (image, Vec::new()))
}

/// Finishes an image for which the kit writes config and manifest.
pub(in crate::beyond::image) fn finish(
    adding: Adding<'_>,
    config: &ImageConfig,
) -> Result<Descriptor> {
    let config = spec::bytes(config);
    let layers = adding.layers().iter().map(|layer| layer.descriptor.clone()).collect();
    let manifest = Manifest::new(Descriptor::of(spec::CONFIG, &config), layers);
    adding.finish(&spec::bytes(&manifest), &config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_alone_gets_the_name_of_the_file() {
        let name = |word, from| full_name(word, Path::new(from)).map(|name| name.to_string());
        assert_eq!(name("12", "/x/Debian.tar.gz").unwrap(), "debian:12");
        assert_eq!(name("docker.io/library/busybox:1", "x").unwrap(), "busybox:1");
        assert_eq!((name("..", "x"), name("latest", "..")), (None, None));
    }
}
