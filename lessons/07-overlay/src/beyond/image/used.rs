//! Boxes that are made of an image, whether they run or not: `used/HEX-BOX` in the store is a link to the box's directory.
//!
//! Nobody has to count: a link that leads nowhere is that of a box which is gone. Make the link before the box, and hold
//! [`Store::share`] until both are there; then no prune sees one without the other.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;
use ground::text::path;

use super::digest::Digest;
use super::spec::Descriptor;
use super::store::Store;

const DIR: &str = "used";

// ANCHOR: used
impl Store {
    /// Keeps an image, whatever becomes of its names, as long as the box has its directory.
    pub fn keep_for(&self, image: &Digest, boxed: &Path) -> Result<()> {
        let at = link(self.root(), image, boxed);
        quietly(format_args!("link {}", path(at.display()))).run(|| symlink(boxed, &at))
    }

    /// The box is gone, or will be in a moment. The store at `root` may be gone, too.
    pub fn let_go(root: &Path, image: &Digest, boxed: &Path) {
        // Else the next prune finds that it leads nowhere.
        let _ = fs::remove_file(link(root, image, boxed));
    }

    /// The images that boxes are made of, each once; links of boxes that are gone are removed. Hold [`Store::alone`].
    pub(super) fn used(&self) -> Result<Vec<Descriptor>> {
        let mut images = Vec::new();
        for link in self.entries(DIR)? {
            match fs::metadata(&link) {
                Err(e) if e.kind() == ErrorKind::NotFound => drop(fs::remove_file(&link)),
                _ => images.extend(digest(&link)),
            }
        }
        images.sort();
        images.dedup();
        Ok(images.into_iter().map(|digest| Descriptor::new("", digest, 0)).collect())
    }

    /// An image that has lost its names and that a box is made of, by its whole digest.
    pub(super) fn find_used(&self, word: &str) -> Option<Descriptor> {
        let asked = Digest::parse(word).ok()?;
        let links = self.entries(DIR).ok()?;
        let found = links.iter().filter_map(|link| digest(link)).find(|found| *found == asked)?;
        Some(Descriptor::new("", found, 0))
    }
}
// ANCHOR_END: used

fn link(root: &Path, image: &Digest, boxed: &Path) -> PathBuf {
    let name = boxed.file_name().unwrap_or_default().display();
    root.join(DIR).join(format!("{}-{name}", image.hex()))
}

fn digest(link: &Path) -> Option<Digest> {
    let (hex, _) = link.file_name()?.to_str()?.split_once('-')?;
    Digest::parse(&format!("sha256:{hex}")).ok()
}
