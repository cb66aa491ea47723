//! A blob of the registry becomes a blob of the store. When the connection breaks, the next try begins where it broke,
//! in this pull or in a later one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

use ground::call::quietly;
use ground::error::Kind;
use ground::{Error, Result};
use overlay::beyond::image::digest::{Digest, Hashing};
use overlay::beyond::image::spec::Descriptor;
use overlay::beyond::image::unpack::NO_ROOM;
use overlay::beyond::image::{Store, blob};

use nix::fcntl::{Flock, FlockArg};

use crate::client::Client;
use crate::progress::Bar;

/// How often a connection may break without a byte having come.
const TRIES: u32 = 4;

/// Fetches a blob, unless the store has it whole.
pub fn blob_of(client: &mut Client, store: &Store, wanted: &Descriptor, quiet: bool) -> Result<()> {
    if store.has(&wanted.digest)? {
        return Ok(());
    }
    let at = store.partial(&wanted.digest);
    let file = quietly(format_args!("open {}", at.display()))
        .run(|| OpenOptions::new().read(true).append(true).create(true).open(&at))?;
    // Another pull of the same blob is waited for.
    let file = quietly(format_args!("flock {}", at.display()))
        .run(|| Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno))?;
    if store.has(&wanted.digest)? {
        return Ok(());
    }
    let bar = Bar::new(&wanted.digest, wanted.size, quiet);
    fetch(client, &file, wanted, &bar)?;
    if let Err(e) = check(&file, wanted) {
        // To go on with it would never help.
        let _ = fs::remove_file(&at);
        return Err(e);
    }
    quietly("fsync a blob").run(|| file.sync_all())?;
    store.publish(&at, &store.blob(&wanted.digest))
}

fn fetch(client: &mut Client, file: &File, wanted: &Descriptor, bar: &Bar) -> Result<()> {
    let length = || quietly("stat a download").run(|| file.metadata()).map(|meta| meta.len());
    let mut tries = 0;
    while length()? < wanted.size {
        let before = length()?;
        let outcome = client.blob(&wanted.digest.to_string(), before).and_then(|(from, begin)| {
            quietly("cut a download").run(|| file.set_len(begin))?;
            copy(from, file, wanted, begin, bar)
        });
        tries = if length()? > before { 0 } else { tries + 1 };
        match outcome {
            Err(e) if tries >= TRIES || e.errno().is_some() => return Err(e),
            Ok(()) if tries >= TRIES => {
                let what = format!(
                    "the registry sends {before} of the {} bytes of {}",
                    wanted.size, wanted.digest
                );
                return Err(Error::new(Kind::Failed, what));
            }
            _ => {}
        }
    }
    Ok(())
}

/// No more than was promised, whatever the server sends.
fn copy(
    from: impl Read,
    mut file: &File,
    wanted: &Descriptor,
    begin: u64,
    bar: &Bar,
) -> Result<()> {
    let mut from = from.take(wanted.size - begin);
    let (mut at, mut buffer) = (begin, vec![0; 1 << 16]);
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            // The network's errno is not ours: what came is kept, and the caller tries again.
            Err(e) => {
                return Err(Error::new(Kind::Failed, format!("download {}: {e}", wanted.digest)));
            }
        };
        quietly("write a download")
            .hint(nix::errno::Errno::ENOSPC, NO_ROOM)
            .run(|| file.write_all(&buffer[..length]))?;
        at += length as u64;
        bar.draw(at);
    }
}

fn check(file: &File, wanted: &Descriptor) -> Result<()> {
    let mut file = file;
    let mut hashing = Hashing::new(io::sink());
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| io::copy(&mut file, &mut hashing));
    quietly("read a download").run(|| read)?;
    let (_, digest, bytes): (_, Digest, u64) = hashing.finish();
    blob::check(wanted, &digest, bytes)
}
