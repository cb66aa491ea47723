//! The config of an image: how it is run, which layers it has, how it came to be. See the image spec, config.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::digest::Digest;
use super::spec::Platform;

/// What an image is besides its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When it was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// For which machine.
    #[serde(flatten)]
    pub platform: Platform,
    /// How to run it.
    #[serde(default, deserialize_with = "or_default")]
    pub config: Config,
    /// Its layers, uncompressed.
    pub rootfs: RootFs,
    /// What was done for each layer, and between.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub history: Vec<History>,
    /// What else was in the file: kept when an image is built on this one.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for ImageConfig {
    fn default() -> ImageConfig {
        ImageConfig {
            created: None,
            platform: Platform::here(),
            config: Config::default(),
            rootfs: RootFs { kind: "layers".into(), diff_ids: Vec::new() },
            history: Vec::new(),
            other: Map::new(),
        }
    }
}

/// The digests of the uncompressed layers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The lowest first.
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// A line of an image's history.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By which instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Whether it made no layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// How to run an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// `KEY=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// Where the command begins.
    #[serde(
        rename = "WorkingDir",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "or_blank"
    )]
    pub workdir: Option<String>,
    /// As whom: name or number, with an optional group after a colon.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "or_blank")]
    pub user: Option<String>,
    /// The words that the command begins with.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// The words after them, when nobody gives others.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// Whatever its maker wanted to say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// What else was there: ports, volumes, a stop signal.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Go writes an empty list as null.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Docker writes nothing as an empty string.
fn or_blank<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let word: Option<String> = Option::deserialize(from)?;
    Ok(word.filter(|word| !word.is_empty()))
}
