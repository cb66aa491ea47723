//! Images go out, as `docker save` writes them since Docker 25: one archive that is an OCI image layout and has Docker's
//! `manifest.json` besides. podman, skopeo, umoci and Docker all read it.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use ground::Result;
use ground::call::quietly;
use ground::text::path;
use nix::errno::Errno;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::blob::{Attentive, corrupt};
use super::digest::{Digest, Hashing};
use super::spec::{self, Descriptor, FULL_NAME, Index, REF_NAME};
use super::store::Store;

/// Writes images into an archive. It appears under its name when it is whole.
pub fn save(store: &Store, images: &[Descriptor], to: &Path) -> Result<()> {
    let _lock = store.share()?;
    let beside = to.with_extension(format!("bxw-{}", std::process::id()));
    let saved = write_archive(store, images, &beside).and_then(|()| {
        quietly(format_args!("rename to {}", path(to.display()))).run(|| fs::rename(&beside, to))
    });
    if saved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    saved
}

/// Writes images to standard output.
pub fn stream(store: &Store, images: &[Descriptor], to: impl Write) -> Result<()> {
    let _lock = store.share()?;
    write_to(store, images, to)
}

/// Writes images into a new directory, as an OCI image layout.
pub fn layout(store: &Store, images: &[Descriptor], to: &Path) -> Result<()> {
    let _lock = store.share()?;
    let blobs = to.join("blobs/sha256");
    quietly(format_args!("make directory {}", path(to.display())))
        .hint(Errno::EEXIST, "name a directory that is not there yet")
        .run(|| fs::create_dir(to).and_then(|()| fs::create_dir_all(&blobs)))?;
    let write = |name: &str, bytes: &[u8]| {
        let at = to.join(name);
        quietly(format_args!("write {}", path(at.display()))).run(|| fs::write(&at, bytes))
    };
    for image in images {
        for digest in store.parts(image)?.0 {
            let at = blobs.join(digest.hex());
            let file =
                quietly(format_args!("create {}", path(at.display()))).run(|| File::create(&at))?;
            copy(store, &digest, BufWriter::new(file))?;
        }
    }
    write("oci-layout", LAYOUT)?;
    write("index.json", &spec::bytes(&index(images)))
}

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

fn write_archive(store: &Store, images: &[Descriptor], at: &Path) -> Result<()> {
    let shown = path(at.display());
    let file = quietly(format_args!("create {shown}")).run(|| File::create_new(at))?;
    write_to(store, images, BufWriter::with_capacity(1 << 17, &file))?;
    quietly(format_args!("fsync {shown}")).run(|| file.sync_all())
}

fn write_to(store: &Store, images: &[Descriptor], to: impl Write) -> Result<()> {
    let mut tar = Builder::new(to);
    let mut done = Vec::new();
    let mut docker = Vec::new();
    for image in images {
        for digest in store.parts(image)?.0 {
            if !done.contains(&digest) {
                append_blob(&mut tar, store, &digest)?;
                done.push(digest);
            }
        }
        let manifest = store.manifest(image)?;
        let at = |blob: &Descriptor| format!("blobs/sha256/{}", blob.digest.hex());
        let tags: Vec<_> = image.name().filter(|name| !name.contains('@')).into_iter().collect();
        let layers: Vec<_> = manifest.layers.iter().map(at).collect();
        docker.push(json!({"Config": at(&manifest.config), "RepoTags": tags, "Layers": layers}));
    }
    append(&mut tar, "index.json", &spec::bytes(&index(images)))?;
    append(&mut tar, "manifest.json", &spec::bytes(&docker))?;
    append(&mut tar, "oci-layout", LAYOUT)?;
    written(tar.into_inner().and_then(|mut to| to.flush()))
}

/// The tag for tools that know images by the layout's place, the whole name for those that know them by name.
fn index(images: &[Descriptor]) -> Index {
    let entry = |image: &Descriptor| {
        let mut image = image.clone();
        if let Some(name) = image.name().map(str::to_string) {
            let tag = name.rsplit_once([':', '@']).map_or("latest", |(_, tag)| tag);
            image.annotations.insert(REF_NAME.into(), tag.into());
            image.annotations.insert(FULL_NAME.into(), name);
        }
        image
    };
    Index { manifests: images.iter().map(entry).collect(), ..Index::default() }
}

fn append_blob(tar: &mut Builder<impl Write>, store: &Store, digest: &Digest) -> Result<()> {
    let file = store.open_blob(digest)?;
    let size = quietly(format_args!("stat blob {}", digest.short())).run(|| file.metadata())?.len();
    let mut hashing = Hashing::new(Attentive(file));
    written(tar.append_data(
        &mut header(size),
        format!("blobs/sha256/{}", digest.hex()),
        &mut hashing,
    ))?;
    match hashing.finish() {
        (_, found, bytes) if found == *digest && bytes == size => Ok(()),
        _ => Err(corrupt(digest)),
    }
}

fn append(tar: &mut Builder<impl Write>, name: &str, bytes: &[u8]) -> Result<()> {
    written(tar.append_data(&mut header(bytes.len() as u64), name, bytes))
}

/// The same image gives the same archive.
fn header(size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

fn copy(store: &Store, digest: &Digest, mut to: impl Write) -> Result<()> {
    let mut from = Hashing::new(Attentive(store.open_blob(digest)?));
    written(std::io::copy(&mut (&mut from).take(u64::MAX), &mut to).and_then(|_| to.flush()))?;
    match from.finish().1 == *digest {
        true => Ok(()),
        false => Err(corrupt(digest)),
    }
}

fn written<T>(outcome: std::io::Result<T>) -> Result<T> {
    quietly("write the images").hint(Errno::ENOSPC, "the disk is full").run(|| outcome).map_err(
        |e| if e.errno() == Some(Errno::EPIPE) { e.remedy("the reader has gone") } else { e },
    )
}
