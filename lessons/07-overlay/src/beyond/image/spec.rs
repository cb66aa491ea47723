//! The JSON of an image, as the OCI image spec writes it and Docker did before: descriptor, index, manifest, config.

use std::collections::BTreeMap;

use ground::error::Kind;
use ground::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::config::or_default;
pub use super::config::{Config, History, ImageConfig, RootFs};
use super::cut;
use super::digest::Digest;

/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Docker's manifest, of the same shape.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of an index: manifests by platform.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's name for an index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of a config.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A layer as it is.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer compressed by gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer compressed by zstd.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const LAYERS: [&str; 8] = [
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
];

/// The annotation by which a layout names its images.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The same with the whole name, as containerd and `docker save` write it.
pub const FULL_NAME: &str = "io.containerd.image.name";

/// A manifest, an index or a config is never larger: registries refuse it.
pub const MAX_JSON: u64 = 4 << 20;

/// Points to a blob.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of content it is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// In an index: for which machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Whatever its maker wanted to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor of these bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Descriptor {
        Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// A descriptor of a blob.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        let (platform, annotations) = (None, BTreeMap::new());
        Descriptor { media_type: media_type.into(), digest, size, platform, annotations }
    }

    /// Whether it points to another index.
    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), INDEX | DOCKER_LIST)
    }

    /// The name that its layout gives to it.
    pub fn name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str)
    }
}

/// A kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64` …
    pub architecture: String,
    /// `linux`.
    pub os: String,
}

impl Platform {
    /// This machine, in the words of the Go compiler, which the spec borrows.
    pub fn here() -> Platform {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        Platform { architecture: architecture.into(), os: "linux".into() }
    }
}

/// A list of manifests. A layout's `index.json` is one, and so is an image for many platforms.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2.
    pub schema_version: u32,
    /// [`INDEX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
}

impl Default for Index {
    fn default() -> Index {
        Index { schema_version: 2, media_type: Some(INDEX.into()), manifests: Vec::new() }
    }
}

/// An image: its config and its layers, the lowest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2.
    pub schema_version: u32,
    /// [`MANIFEST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// An index has this; in a manifest it makes a document that is both, and means one image to us and others elsewhere.
    #[serde(default, skip_serializing)]
    manifests: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// A manifest of the OCI kind.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Manifest {
        let media_type = Some(MANIFEST.into());
        Manifest { schema_version: 2, media_type, config, layers, manifests: None }
    }

    /// Refuses what is not an image: an artifact, an encrypted layer, more layers than can be mounted.
    pub fn check(&self) -> Result<()> {
        let refused = |what: String| Err(Error::new(Kind::Failed, what));
        if self.schema_version != 2 {
            return refused(format!("a manifest of schema version {}, not 2", self.schema_version));
        }
        let media_type = self.media_type.as_deref().unwrap_or(MANIFEST);
        if self.manifests.is_some() || ![MANIFEST, DOCKER_MANIFEST].contains(&media_type) {
            return refused("a manifest that says it is something else as well".into());
        }
        if ![CONFIG, DOCKER_CONFIG].contains(&self.config.media_type.as_str()) {
            return refused(format!(
                "config of media type {}: not an image",
                cut(&self.config.media_type)
            ));
        }
        check_number(self.layers.len())?;
        match self.layers.iter().find(|layer| !LAYERS.contains(&layer.media_type.as_str())) {
            Some(layer) => refused(format!(
                "layer of media type {}: not a tar archive",
                cut(&layer.media_type)
            )),
            None => Ok(()),
        }
    }
}

/// `OVL_MAX_STACK`: more lower layers are EINVAL.
const MAX_LAYERS: usize = 500;

/// Refuses more layers than can be mounted.
pub fn check_number(layers: usize) -> Result<()> {
    match layers <= MAX_LAYERS {
        true => Ok(()),
        false => {
            let what = format!("{layers} layers: the kernel stacks {MAX_LAYERS}");
            Err(Error::new(Kind::Failed, what))
        }
    }
}

/// Reads JSON that a stranger wrote: no larger than registries allow; serde_json stops at a depth of 128.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    if bytes.len() as u64 > MAX_JSON {
        return Err(Error::new(Kind::Failed, format!("{what} is larger than {MAX_JSON} bytes")));
    }
    let wrong = |e| Error::new(Kind::Failed, format!("{what} is not what it should be: {e}"));
    serde_json::from_slice(bytes).map_err(wrong)
}

/// The bytes of a value, always the same for the same value.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("maps have strings as keys")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn null_is_empty_and_the_unknown_is_kept() {
        let text = r#"{"architecture":"amd64","os":"linux","config":{"Cmd":null,"User":"","Volumes":{"/v":{}}},
                      "rootfs":{"type":"layers","diff_ids":null},"docker_version":"1"}"#;
        let config: ImageConfig = parse(text.as_bytes(), "config").unwrap();
        assert_eq!((config.config.cmd.len(), &config.config.user), (0, &None));
        let again = String::from_utf8(bytes(&config)).unwrap();
        assert!(
            again.contains(r#""Volumes":{"/v":{}}"#) && again.contains("docker_version"),
            "{again}"
        );
    }

    #[test]
    fn too_deep_and_too_large_are_refused() {
        let deep = "[".repeat(100_000);
        assert!(
            parse::<Value>(deep.as_bytes(), "manifest")
                .unwrap_err()
                .to_string()
                .contains("recursion")
        );
        let large = vec![b' '; MAX_JSON as usize + 1];
        assert!(parse::<Value>(&large, "manifest").unwrap_err().to_string().contains("larger"));
    }

    #[test]
    fn a_manifest_that_is_an_index_as_well_is_refused() {
        let config = Descriptor::of(CONFIG, b"{}");
        let whole = serde_json::to_value(Manifest::new(config, Vec::new())).unwrap();
        let check = |key: &str, value: Value| {
            let mut both = whole.clone();
            both[key] = value;
            parse::<Manifest>(&bytes(&both), "manifest").unwrap().check()
        };
        assert!(check("mediaType", MANIFEST.into()).is_ok());
        assert!(check("mediaType", INDEX.into()).is_err());
        assert!(check("manifests", Value::Array(Vec::new())).is_err());
    }
}
