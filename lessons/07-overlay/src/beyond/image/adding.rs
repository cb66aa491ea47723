//! One image being added to the store: everything is made in `tmp`, and gets its name only when all of it is right.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::Flock;

use super::blob::{self, Attentive};
use super::digest::{Digest, Hashing};
use super::media::{Compression, decompress};
use super::spec::{self, Descriptor, ImageConfig, Manifest};
use super::store::{Scratch, Store};
use super::unpack::{Limits, NO_ROOM, unpack};

/// An image that is being added.
pub struct Adding<'a> {
    store: &'a Store,
    scratch: Scratch,
    /// What is made, and where it will be.
    made: Vec<(PathBuf, PathBuf)>,
    /// What is left for the layers to come.
    limits: Limits,
    /// Chain ID of the layers so far.
    chain: Option<Digest>,
    layers: Vec<Layer>,
    _lock: Flock<File>,
}

/// A layer of an image.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The blob, as it came.
    pub descriptor: Descriptor,
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
}

impl<'a> Adding<'a> {
    /// Begins.
    pub fn new(store: &'a Store, limits: Limits) -> Result<Adding<'a>> {
        let lock = store.share()?;
        let scratch = store.scratch()?;
        let (made, layers) = (Vec::new(), Vec::new());
        Ok(Adding { store, scratch, made, limits, chain: None, layers, _lock: lock })
    }

    /// The layers so far, the lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// A place for what is half-made, on the store's file system.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Puts a layer on top if the store has it, blob and tree. What is in the blob is not looked at.
    pub fn known_layer(&mut self, descriptor: &Descriptor, diff_id: &Digest) -> bool {
        let chain = chain_id(self.chain.as_ref(), diff_id);
        let known =
            self.store.blob(&descriptor.digest).exists() && self.store.layer(&chain).exists();
        if known {
            self.chain = Some(chain);
            self.layers.push(Layer { descriptor: descriptor.clone(), diff_id: diff_id.clone() });
        }
        known
    }

    /// Puts a layer on top, in one pass: the stream is hashed, kept, decompressed, hashed again, and unpacked.
    pub fn layer(
        &mut self,
        from: impl Read,
        promised: Option<&Descriptor>,
        diff_id: Option<&Digest>,
    ) -> Result<()> {
        let number = self.layers.len();
        let blob = self.scratch.path().join(format!("{number}.blob"));
        let tree = self.scratch.path().join(format!("{number}.tree"));
        let known = promised.map_or(Ok(false), |it| self.store.has(&it.digest))?;
        let below: Vec<_> = self.directories().into_iter().rev().collect();
        quietly(format_args!("make directory {}", path(tree.display())))
            .run(|| fs::create_dir(&tree))?;
        let keep = if known { None } else { Some(blob.as_path()) };
        let passed = pass(from, keep, (&tree, &below), promised, &mut self.limits)?;
        if let Some(promised) = diff_id.filter(|promised| **promised != passed.diff_id) {
            let (digest, found) = (passed.descriptor.digest, passed.diff_id);
            let what = format!("layer {digest} unpacks to {found}; the config says {promised}");
            return Err(Error::new(Kind::Failed, what));
        }
        let chain = chain_id(self.chain.as_ref(), &passed.diff_id);
        let at = self.store.blob(&passed.descriptor.digest);
        self.made.extend((!known).then_some((blob, at)));
        self.made.push((tree, self.store.layer(&chain)));
        self.chain = Some(chain);
        self.layers.push(passed);
        Ok(())
    }

    /// Where the layers so far are: in the store, or still in `tmp`. The lowest first.
    pub fn directories(&self) -> Vec<PathBuf> {
        let mut chain = None;
        let at = |layer: &Layer| {
            let id = chain_id(chain.as_ref(), &layer.diff_id);
            let place = self.store.layer(&id);
            chain = Some(id);
            let made = self.made.iter().find(|(_, at)| *at == place);
            made.map_or(place, |(made, _)| made.clone())
        };
        self.layers.iter().map(at).collect()
    }

    /// All of it is right: it is synced and gets its names. Returns the descriptor of the manifest.
    pub fn finish(self, manifest: &[u8], config: &[u8]) -> Result<Descriptor> {
        let parsed: Manifest = spec::parse(manifest, "the manifest")?;
        let read: ImageConfig = spec::parse(config, "the config")?;
        let diff_ids: Vec<_> = self.layers.iter().map(|layer| &layer.diff_id).collect();
        if read.rootfs.diff_ids.iter().collect::<Vec<_>>() != diff_ids {
            return Err(Error::new(
                Kind::Failed,
                "the config does not tell of the layers of the manifest",
            ));
        }
        self.store.sync()?;
        // First what others point to: at no moment does a name lead to something that is not there.
        self.made.iter().try_for_each(|(made, at)| self.store.publish(made, at))?;
        self.store.write_blob(config)?;
        self.store.write_blob(manifest)?;
        let media_type = parsed.media_type.as_deref().unwrap_or(spec::MANIFEST);
        let mut descriptor = Descriptor::of(media_type, manifest);
        descriptor.platform = Some(read.platform);
        Ok(descriptor)
    }
}

/// The way of a layer: kept at `keep`, unpacked into a directory over those below, and checked.
fn pass(
    from: impl Read,
    keep: Option<&Path>,
    to: (&Path, &[PathBuf]),
    promised: Option<&Descriptor>,
    limits: &mut Limits,
) -> Result<Layer> {
    let create = |at: &Path| {
        let file =
            quietly(format_args!("create {}", path(at.display()))).run(|| File::create_new(at));
        file.map(|file| BufWriter::with_capacity(1 << 17, file))
    };
    let tee = Tee { from: Attentive(from), to: keep.map(create).transpose()? };
    let most = promised.map_or(limits.bytes, |promised| promised.size).saturating_add(1);
    let mut raw = Hashing::new(tee.take(most));
    let unpacked = unpack_stream(&mut raw, to, limits);
    // What follows the compressed stream belongs to the digest, and after an error it tells whose fault it was.
    let drained = io::copy(&mut raw, &mut io::sink());
    let (tee, digest, bytes) = raw.finish();
    if let (Some(promised), Ok(_)) = (promised, &drained) {
        blob::check(promised, &digest, bytes)?;
    }
    let (diff_id, compression) = unpacked?;
    let mut kept = tee.into_inner().to;
    let stored = drained.and_then(|_| kept.as_mut().map_or(Ok(()), Write::flush));
    quietly("keep a layer").hint(Errno::ENOSPC, NO_ROOM).run(|| stored)?;
    let media_type = promised.map_or(compression.media_type(), |promised| &promised.media_type);
    Ok(Layer { descriptor: Descriptor::new(media_type, digest, bytes), diff_id })
}

fn unpack_stream(
    raw: impl Read,
    (tree, below): (&Path, &[PathBuf]),
    limits: &mut Limits,
) -> Result<(Digest, Compression)> {
    let (plain, compression) = quietly("read a layer").run(|| decompress(raw))?;
    let mut plain = Hashing::new(plain);
    *limits = unpack(&mut plain, tree, below, *limits)?;
    Ok((plain.finish().1, compression))
}

/// A layer's identity with everything below it. See the image spec, config.md, "Layer ChainID".
pub fn chain_id(below: Option<&Digest>, diff_id: &Digest) -> Digest {
    match below {
        None => diff_id.clone(),
        Some(below) => Digest::of(format!("{below} {diff_id}").as_bytes()),
    }
}

/// What is read is written, too.
struct Tee<R> {
    from: R,
    /// `None` when the store has the blob.
    to: Option<BufWriter<File>>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.to.as_mut().map_or(Ok(()), |to| to.write_all(&buffer[..length]))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_ids_are_those_of_the_image_spec() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        assert_eq!(chain_id(None, &a), a);
        assert_eq!(chain_id(Some(&a), &b), Digest::of(format!("{a} {b}").as_bytes()));
    }
}
