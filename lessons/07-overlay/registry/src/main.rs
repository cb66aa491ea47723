//! `bxw-pull`: fetches an image from a registry, over the distribution spec's HTTP API, into the store of lesson 07.
//!
//! ```text
//!   NAME:TAG ─▶ manifest (or an index: the one for this machine) ─▶ config ─▶ layers ─▶ store
//! ```
//!
//! | what | where |
//! | --- | --- |
//! | requests, and the token that a registry may ask for | [`client`], [`token`] |
//! | where a name leads | [`name`] |
//! | blobs: gone on with where a download broke off, checked | [`download`] |
//!
//! It is a program of its own, so that nobody has to build HTTP and TLS to learn what layers are. `07-overlay image pull`
//! starts it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod client;
mod download;
mod name;
mod progress;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ground::error::Kind;
use ground::{Error, Result};
use overlay::beyond::image::import::choose;
use overlay::beyond::image::reference::Version;
use overlay::beyond::image::spec::{self, Descriptor, ImageConfig, Index, Manifest, Platform};
use overlay::beyond::image::{Adding, Digest, Limits, Reference, Store, blob};

use client::Client;
use download::blob_of;
use name::Place;

/// Fetch an image from a registry
#[derive(Parser)]
#[command(name = "image pull")]
struct Pull {
    /// NAME[:TAG] or NAME@sha256:…; without a host it is Docker Hub's
    name: String,
    /// Directory of the store, instead of this user's
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// For another machine than this: linux/arm64
    #[arg(long, value_name = "OS/ARCH", value_parser = platform)]
    platform: Option<Platform>,
    /// Speak HTTP without TLS; to this very machine that is so anyway
    #[arg(long)]
    plain_http: bool,
    /// Refuse layers that unpack to more
    #[arg(long, value_name = "SIZE", value_parser = memory_oom::size::parse, default_value = "32g")]
    unpack_limit: u64,
    /// Say only the digest
    #[arg(long, short)]
    quiet: bool,
}

fn platform(word: &str) -> Result<Platform> {
    let (os, architecture) = word.split_once('/').ok_or_else(|| Error::usage("write OS/ARCH"))?;
    Ok(Platform { os: os.into(), architecture: architecture.into() })
}

fn main() -> ExitCode {
    let outcome = Pull::try_parse().map_err(|e| {
        if e.use_stderr() {
            return Some(Error::usage(ground::lesson::one_line(&e.to_string())));
        }
        // Help was asked for.
        let _ = e.print();
        None
    });
    let outcome = outcome.and_then(|pull| perform(&pull).map_err(Some));
    match outcome {
        Ok(()) | Err(None) => ExitCode::SUCCESS,
        Err(Some(e)) => {
            eprintln!("image pull: {e}");
            ExitCode::from(e.status())
        }
    }
}

fn perform(pull: &Pull) -> Result<()> {
    let (reference, place) =
        (Reference::parse(&pull.name)?, Place::parse(&pull.name, pull.plain_http)?);
    let store = Store::open(pull.store.as_deref())?;
    // Held to the end: what is published and not yet named must not be pruned.
    let _lock = store.share()?;
    let mut client = Client::new(place)?;
    let (bytes, manifest) = manifest(&mut client, &reference, pull.platform.as_ref())?;
    manifest.check()?;
    blob_of(&mut client, &store, &manifest.config, true)?;
    let config_bytes = store.read_blob(&manifest.config.digest)?;
    let config: ImageConfig = spec::parse(&config_bytes, "the config")?;
    if config.rootfs.diff_ids.len() != manifest.layers.len() {
        return Err(Error::new(
            Kind::Failed,
            "the config does not tell of the layers of the manifest",
        ));
    }
    for layer in &manifest.layers {
        blob_of(&mut client, &store, layer, pull.quiet)?;
    }
    let limits = Limits { bytes: pull.unpack_limit, ..Limits::default() };
    let mut adding = Adding::new(&store, limits)?;
    for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        if !adding.known_layer(layer, diff_id) {
            adding.layer(store.open_blob(&layer.digest)?, Some(layer), Some(diff_id))?;
        }
    }
    let image = adding.finish(&bytes, &config_bytes)?;
    store.name(&image, &reference)?;
    match pull.quiet {
        true => println!("{}", image.digest),
        false => println!("{reference}  {}  {} layers", image.digest, manifest.layers.len()),
    }
    Ok(())
}

/// The manifest for a machine, and its bytes, whose digest was checked if one was named.
fn manifest(
    client: &mut Client,
    reference: &Reference,
    machine: Option<&Platform>,
) -> Result<(Vec<u8>, Manifest)> {
    let (word, promised) = match &reference.version {
        Version::Tag(tag) => (tag.clone(), None),
        Version::Digest(digest) => (digest.to_string(), Some(digest.clone())),
    };
    let (bytes, media_type) = client.manifest(&word)?;
    checked(promised.as_ref(), &bytes)?;
    if !is_index(&bytes, &media_type) {
        return Ok((bytes.clone(), spec::parse(&bytes, "the manifest")?));
    }
    let index: Index = spec::parse(&bytes, "the index")?;
    let found = pick(&index, machine)?;
    let (bytes, _) = client.manifest(&found.digest.to_string())?;
    blob::check(&found, &Digest::of(&bytes), bytes.len() as u64)?;
    Ok((bytes.clone(), spec::parse(&bytes, "the manifest")?))
}

fn checked(promised: Option<&Digest>, bytes: &[u8]) -> Result<()> {
    match promised.filter(|promised| **promised != Digest::of(bytes)) {
        Some(promised) => {
            let what = format!("the registry sent {} for {promised}", Digest::of(bytes));
            Err(Error::new(Kind::Failed, what))
        }
        None => Ok(()),
    }
}

/// By what the server says, or by what is in it.
fn is_index(bytes: &[u8], media_type: &str) -> bool {
    [spec::INDEX, spec::DOCKER_LIST].contains(&media_type)
        || media_type.is_empty() && spec::parse::<Index>(bytes, "").is_ok()
}

fn pick(index: &Index, machine: Option<&Platform>) -> Result<Descriptor> {
    let wanted = machine.cloned().unwrap_or_else(Platform::here);
    let fits = |entry: &&Descriptor| entry.platform.as_ref() == Some(&wanted);
    let chosen = match machine {
        Some(_) => index.manifests.iter().find(fits),
        None => choose(&index.manifests).into_iter().find(fits),
    };
    let platforms: Vec<_> =
        index.manifests.iter().filter_map(|entry| entry.platform.as_ref()).collect();
    let told: Vec<_> =
        platforms.iter().map(|it| format!("{}/{}", it.os, it.architecture)).collect();
    chosen.cloned().ok_or_else(|| {
        let what = format!("there is no image for {}/{}", wanted.os, wanted.architecture);
        Error::new(Kind::Failed, what)
            .remedy(format!("--platform chooses among {}", told.join(", ")))
    })
}
