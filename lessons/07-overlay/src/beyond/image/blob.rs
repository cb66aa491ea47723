//! Blobs: read with their digest checked, written beside and renamed when the digest is right.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result, interrupt};
use nix::errno::Errno;

use super::digest::{Digest, Hashing};
use super::spec::{Descriptor, MAX_JSON};
use super::store::Store;

/// What a blob of the store turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its bytes are those that its name promises.
    Whole,
    /// There is no such file.
    Missing,
    /// The bytes are others.
    Corrupt,
}

impl Store {
    /// Opens a blob.
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        open_regular(&self.blob(digest)).map_err(|e| match e.errno() {
            Some(Errno::ENOENT) => missing(digest),
            _ => e,
        })
    }

    /// Reads a small blob, and checks it.
    pub fn read_blob(&self, digest: &Digest) -> Result<Vec<u8>> {
        let bytes = read_small(self.open_blob(digest)?, &digest.to_string())?;
        match Digest::of(&bytes) == *digest {
            true => Ok(bytes),
            false => Err(corrupt(digest)),
        }
    }

    /// Whether it has a blob, with every byte of it: one that is damaged is to be replaced.
    pub fn has(&self, digest: &Digest) -> Result<bool> {
        Ok(self.examine(digest)? == Health::Whole)
    }

    /// Keeps a small blob.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.has(&digest)? {
            self.replace(&self.blob(&digest), bytes)?;
        }
        Ok(digest)
    }

    /// Reads a blob from end to end.
    pub fn examine(&self, digest: &Digest) -> Result<Health> {
        let file = match open_regular(&self.blob(digest)) {
            Err(e) if e.errno() == Some(Errno::ENOENT) => return Ok(Health::Missing),
            other => other?,
        };
        let mut hashing = Hashing::new(Attentive(file));
        let read = io::copy(&mut hashing, &mut io::sink());
        quietly(format_args!("read blob {}", digest.short())).run(|| read)?;
        Ok(if hashing.finish().1 == *digest { Health::Whole } else { Health::Corrupt })
    }
}

/// Copies a stream, and refuses it unless it is what `expected` describes. `None` takes it as it is.
pub fn copy_checked(
    from: impl Read,
    to: impl Write,
    expected: Option<&Descriptor>,
) -> Result<(Digest, u64)> {
    let limit = expected.map_or(u64::MAX, |descriptor| descriptor.size.saturating_add(1));
    let mut from = BufReader::with_capacity(1 << 17, Hashing::new(Attentive(from)).take(limit));
    let mut to = to;
    let copied = io::copy(&mut from, &mut to).and_then(|_| to.flush());
    let what = expected.map_or_else(|| "a layer".to_string(), |it| it.digest.to_string());
    quietly(format_args!("copy {what}"))
        .hint(Errno::ENOSPC, "free some space: `image prune` removes what no name leads to")
        .run(|| copied)?;
    let (_, digest, bytes) = from.into_inner().into_inner().finish();
    match expected {
        Some(descriptor) => check(descriptor, &digest, bytes).map(|()| (digest, bytes)),
        None => Ok((digest, bytes)),
    }
}

/// Refuses content that is not what a descriptor promises.
pub fn check(promised: &Descriptor, digest: &Digest, bytes: u64) -> Result<()> {
    if bytes != promised.size {
        let what = if bytes < promised.size { "ends too early" } else { "goes on" };
        let (promised, size) = (&promised.digest, promised.size);
        return Err(Error::new(
            Kind::Failed,
            format!("blob {promised} is to have {size} bytes, and {what}"),
        ));
    }
    match *digest == promised.digest {
        true => Ok(()),
        false => {
            let what = format!("blob {} has the digest {digest}", promised.digest);
            Err(Error::new(Kind::Failed, what)
                .remedy("it was changed or damaged; get the image again"))
        }
    }
}

/// Reads at most what JSON of an image may have.
pub fn read_small(from: impl Read, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_JSON + 1).read_to_end(&mut bytes);
    quietly(format_args!("read {what}")).run(|| read)?;
    match bytes.len() as u64 > MAX_JSON {
        true => Err(Error::new(Kind::Failed, format!("{what} is larger than {MAX_JSON} bytes"))),
        false => Ok(bytes),
    }
}

/// Opens a file that is one: a link or a FIFO could lead elsewhere, or wait for ever.
pub fn open_regular(at: &Path) -> Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let open = OpenOptions::new().read(true).custom_flags(flags).open(at);
    let file = quietly(format_args!("open {}", path(at.display())))
        .hint(Errno::ELOOP, "it is a symbolic link")
        .run(|| open)?;
    match file.metadata().is_ok_and(|meta| meta.is_file()) {
        true => Ok(file),
        false => Err(Error::usage(format!("{} is not a regular file", at.display()))),
    }
}

fn missing(digest: &Digest) -> Error {
    let what = format!("blob {digest} is missing from the store");
    Error::new(Kind::Failed, what).remedy("import or pull the image again")
}

/// A blob whose bytes are not those of its name.
pub fn corrupt(digest: &Digest) -> Error {
    let what = format!("blob {digest} is corrupt: its bytes have another digest");
    Error::new(Kind::Failed, what)
        .remedy("`image prune --verify` removes it; then import or pull the image again")
}

/// A reader that lets Ctrl-C through.
pub struct Attentive<R>(pub R);

impl<R: Read> Read for Attentive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check();
        self.0.read(buffer)
    }
}
