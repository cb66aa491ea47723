//! What a box is made of beyond the words that were typed: the very image that its name meant, and a place for what it
//! writes to its layers.
//!
//! A name of an image can be given to another one; a box must stay what it is. So its digest is written down when the box is
//! made, and the image store is told that somebody needs it.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::needs::Need;
use ground::{Result, rootless};
use nix::errno::Errno;
use nix::fcntl::Flock;
use overlay::beyond::image::{self, Digest, remove_tree};
use serde::{Deserialize, Serialize};

use super::boxed::Boxed;
use super::record::{Spec, Word};
use crate::flags::Flags;

/// Where a box that stays keeps what it writes.
const LAYER: &str = "layer";

/// A lock on an image store.
pub type NobodyPrunes = Flock<File>;

/// The image that a name meant when the box was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chosen {
    /// Of its manifest.
    pub digest: Digest,
    /// The store that it is in.
    store: Word,
}

// ANCHOR: chosen
impl Spec {
    /// Looks up which image is meant. As long as what is returned is there nobody prunes: until then the box must be made.
    pub fn choose_image(&mut self, flags: &Flags) -> Result<Option<NobodyPrunes>> {
        let Some(name) = &flags.image else { return Ok(None) };
        let store = image::Store::open(flags.store.as_deref())?;
        let nobody_prunes = store.share()?;
        let digest = store.find(name)?.digest;
        let at = store.root().as_os_str().to_os_string();
        self.image = Some(Chosen { digest, store: (&at).into() });
        Ok(Some(nobody_prunes))
    }

    /// Tells the store that the box needs its image.
    pub(super) fn keep_image(&self, dir: &Path) -> Result<()> {
        let Some(chosen) = &self.image else { return Ok(()) };
        image::Store::open(Some(&chosen.store()))?.keep_for(&chosen.digest, dir)
    }
}
// ANCHOR_END: chosen

/// Of what a rootless box has written, a part belongs to subordinate IDs of its user, who is their root in a user namespace
/// and nowhere else.
fn remove(layer: &Path) -> Result<()> {
    match remove_tree(layer) {
        Err(e) if e.errno().is_some_and(is_denied) && !Need::Admin.is_met() => {
            rootless::enter().and_then(|()| remove_tree(layer))
        }
        other => other,
    }
}

fn is_denied(errno: Errno) -> bool {
    matches!(errno, Errno::EPERM | Errno::EACCES)
}

impl Chosen {
    fn store(&self) -> PathBuf {
        OsString::from(&self.store).into()
    }
}

impl Boxed {
    /// Its flags and its command, with words of `more` behind the flags and, for `exec`, another command.
    pub fn understand(
        &self,
        more: &[OsString],
        command: Option<&[OsString]>,
    ) -> Result<(Flags, Vec<OsString>)> {
        let (mut flags, argv) = self.spec.understand(more, command)?;
        self.complete(&mut flags);
        Ok((flags, argv))
    }

    /// What the words do not say.
    pub fn complete(&self, flags: &mut Flags) {
        let layers = &mut flags.base.base;
        if !self.spec.auto_remove {
            layers.kept = Some(self.dir.join(LAYER));
        }
        if let Some(chosen) = &self.spec.image {
            layers.image = Some(chosen.digest.to_string());
            layers.store = Some(chosen.store());
        }
    }

    /// Goes where its words were typed: what is relative in them begins there.
    pub fn chdir(&self) -> Result<()> {
        let cwd = OsString::from(&self.spec.cwd);
        quietly(format_args!("chdir {}", cwd.display())).run(|| std::env::set_current_dir(&cwd))
    }

    /// Removes what it has written, which may be much: nobody else waits for that. It must not run.
    pub(super) fn empty(&self) -> Result<()> {
        if self.spec.auto_remove {
            return Ok(());
        }
        match self.not_watched() {
            // Somebody else was quicker.
            Err(_) if !self.dir.exists() => Ok(()),
            lock => lock.and_then(|_lock| remove(&self.dir.join(LAYER))),
        }
    }

    /// The store may forget its image.
    pub(super) fn let_image_go(&self) {
        if let Some(chosen) = &self.spec.image {
            image::Store::let_go(&chosen.store(), &chosen.digest, &self.dir);
        }
    }
}
