//! Images: archives of layers in a store, and what makes, fetches, lists and removes them.
//!
//! ```text
//!   image import ─┐                                        ┌─▶ run --image
//!   image pull   ─┼─▶ Adding ─▶ blobs, layers, names ──────┼─▶ image save
//!   build        ─┘   (hash, unpack, sync, rename)         └─▶ image list, inspect, rm, prune
//! ```
//!
//! | what | where |
//! | --- | --- |
//! | the directory of a store, its locks, what survives a crash | [`store`] |
//! | blobs and digests | [`blob`], [`digest`] |
//! | JSON of the image spec | [`spec`] |
//! | a stranger's archive becomes a directory | [`mod@unpack`] |
//! | a directory becomes an archive | [`pack`] |
//! | one image is added, whole or not at all | [`adding`] |
//! | archives, layouts, root file systems come in, and go out | [`import`], [`save`] |
//! | what is not used any more goes; what boxes are made of stays | [`prune`], `used` |
//! | Dockerfiles | [`build`] |
//!
//! Not here: signatures, encrypted layers, images of many platforms in one store, and the HTTP client of `image pull`,
//! which is a program of its own (`lessons/07-overlay/registry`), so that nobody has to build it who does not want it.

pub mod adding;
pub mod blob;
pub mod build;
pub mod cli;
mod config;
pub mod digest;
mod held;
pub mod import;
pub mod inspect;
pub mod media;
pub mod names;
pub mod pack;
pub mod prune;
pub mod reference;
pub mod save;
pub mod spec;
pub mod store;
pub mod unpack;
mod used;
mod user;

pub use adding::Adding;
pub use cli::{BUILD, IMAGE, VERBS};
pub use digest::Digest;
pub use held::Image;
pub use reference::Reference;
pub use spec::{Config, ImageConfig};
pub use store::{Store, remove_tree};
pub use unpack::Limits;
pub use user::{AsUser, Identity, User};

/// The chain IDs of an image's layers, the lowest first.
pub fn chains(config: &ImageConfig) -> Vec<Digest> {
    let mut chain: Option<Digest> = None;
    let next = |diff_id| {
        chain = Some(adding::chain_id(chain.as_ref(), diff_id));
        chain.clone()
    };
    config.rootfs.diff_ids.iter().filter_map(next).collect()
}

/// A stranger's word for a message: in quotes, and no longer than is good for a line.
fn cut(word: &str) -> String {
    match word.char_indices().nth(100) {
        Some((end, _)) => format!("{:?}…", &word[..end]),
        None => format!("{word:?}"),
    }
}
