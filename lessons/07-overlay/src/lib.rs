//! Lesson 07: layers. How a hundred boxes share one root file system and each may write to all of it.
//!
//! An overlay lays directories on top of one another and shows them as one. Whoever looks a name up gets it from the
//! uppermost layer that has it. Whoever writes, writes to the *upper* layer; the *lower* ones are never changed.
//!
//! ```text
//!   merged      /      what the box sees: a is upper's, b is base's, c is not there
//!               │
//!   upper       a          c=whiteout      writes, this box alone      work/: where a copy is made,
//!               │          │                                          before it is renamed to upper
//!   lower 2     a          │               read only, shared
//!               │          │
//!   lower 1     a    b     c               read only, shared
//! ```
//!
//! | what is done in the box | what happens in upper |
//! | --- | --- |
//! | a file of a lower layer is changed: its content, mode or owner | first all of it is copied there: *copy-up* |
//! | a name that a lower layer has is removed | a *whiteout* hides it: a character device 0:0 |
//! | a directory is removed and made again | it is *opaque*: nothing below shows through |
//! | a new file is written | it is there, and nothing else |
//!
//! That is also all there is to an image: directories of changes, in order. [`Overlay`] stands where [`chroot::Rootfs`]
//! stood, and uses it.
//!
//! | to see … | look at |
//! | --- | --- |
//! | the mount, step by step, and as one call | [`Layers`] |
//! | the part: before the clone, in the box, afterwards | [`Overlay`] |
//! | how much a box may write, and how fast | [`Space`], [`IoLimit`] |
//! | which layer a file is from, and what a box has changed | [`beyond::lookup`], [`beyond::diff`] |
//! | images: where the directories come from | [`beyond::image`] |

pub mod beyond;
mod claim;
pub mod flags;
mod io;
mod layers;
mod space;
pub mod sys;

use std::path::{Path, PathBuf};

use chroot::Rootfs;
use claim::Claim;
use clone_pid::Part;
use ground::Result;
use ground::call::{doing, quietly};
use ground::lesson::run_dir;
use ground::text::path;
use mount_ns::sys::Detached;
use nix::errno::Errno;
use nix::sched::CloneFlags;

pub use io::{IoLimit, Rate, Throttle};
pub use layers::{Layers, user_xattr};
pub use space::{Space, SpaceLimit};

// ANCHOR: overlay
/// Layers become `/` of the box. What it writes goes to a directory of this run, which ends with the box.
pub struct Overlay {
    layers: Layers,
    /// Where upper, work and merged are made, and removed: the run's, unless others were named.
    dir: PathBuf,
    own_upper: bool,
    space: Option<Space>,
    claim: Option<Claim>,
    mount: Option<Detached>,
    root: Rootfs,
}

impl Overlay {
    /// Over these directories, the lowest first. What the box writes is kept with the run, and goes with it.
    pub fn new(lowers: Vec<PathBuf>) -> Result<Overlay> {
        Ok(Overlay::new_in(&run_dir()?.join("overlay"), lowers))
    }

    /// The same, in a directory that another process can name as well, to release it.
    pub fn new_in(dir: &Path, lowers: Vec<PathBuf>) -> Overlay {
        let overlay = Overlay::of(dir, lowers).upper(dir.join("upper"), dir.join("work"));
        // It ends with the box, so nobody need wait for the disk.
        Overlay { own_upper: true, layers: overlay.layers.volatile(), ..overlay }
    }

    /// The same, and what is written stays there until somebody removes it.
    pub fn kept(dir: &Path, lowers: Vec<PathBuf>) -> Overlay {
        Overlay::of(dir, lowers).upper(dir.join("upper"), dir.join("work"))
    }

    /// Nobody can write.
    pub fn read_only(mut lowers: Vec<PathBuf>) -> Result<Overlay> {
        let dir = run_dir()?.join("overlay");
        // The kernel refuses an overlay of one: an empty directory below it makes two.
        if lowers.len() == 1 {
            lowers.insert(0, dir.join("empty"));
        }
        Ok(Overlay::of(&dir, lowers))
    }

    fn of(dir: &Path, lowers: Vec<PathBuf>) -> Overlay {
        // Upper is to be a layer like others: without notes that lead elsewhere, and no image may bring such notes.
        let layers = Layers::read_only(lowers).option(c"redirect_dir", "nofollow");
        let layers = layers.option(c"metacopy", "off");
        let root = Rootfs::new(dir.join("merged"));
        Overlay {
            layers,
            dir: dir.into(),
            own_upper: false,
            space: None,
            claim: None,
            mount: None,
            root,
        }
    }

    /// Writes go to `upper`, which stays. `work` must be on the same mount, and belong to nobody else.
    pub fn upper(self, upper: PathBuf, work: PathBuf) -> Overlay {
        Overlay { layers: self.layers.upper(upper, work), own_upper: false, ..self }
    }

    /// So much may be written.
    pub fn space(self, limit: SpaceLimit) -> Overlay {
        Overlay { space: Some(Space::new(limit, &self.dir)), ..self }
    }

    /// What lies on what.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }
}

impl Part for Overlay {
    fn namespaces(&self) -> CloneFlags {
        self.root.namespaces()
    }

    /// On the host, by who may use its directories: the mount exists from here on, and hangs nowhere.
    fn prepare(&mut self) -> Result<()> {
        make_directory(&self.dir)?;
        self.space.as_ref().map_or(Ok(()), Space::prepare)?;
        self.layers.make_directories()?;
        if !self.own_upper {
            self.claim = self.layers.upper.as_deref().map(Claim::take).transpose()?;
        }
        make_directory(&self.dir.join("empty"))?;
        make_directory(&self.dir.join("merged"))?;
        self.mount = self.layers.mount()?;
        self.root.prepare()
    }

    fn enter(&mut self) -> Result<()> {
        let at = self.dir.join("merged");
        match &self.mount {
            Some(mount) => doing(format_args!("move_mount to {}", path(at.display())))
                .run(|| mount.attach(nix::fcntl::AT_FDCWD, &at))?,
            // A kernel that cannot make a mount without a place for it.
            None => self.layers.mount_on(&at, &self.dir)?,
        }
        self.root.enter()
    }

    fn seal(&mut self) -> Result<()> {
        self.root.seal()
    }

    fn release(&mut self) -> Result<()> {
        self.mount = None;
        self.clear_work()?;
        self.space.as_ref().map_or(Ok(()), Space::release)?;
        if self.own_upper { remove(&self.dir) } else { remove(&self.dir.join("merged")) }
    }
}
// ANCHOR_END: overlay

impl Overlay {
    /// What the kernel made in the work directory, unless that is another box's at the moment.
    fn clear_work(&mut self) -> Result<()> {
        let claim = match (self.claim.take(), &self.layers.upper) {
            (None, Some(upper)) if !self.own_upper && upper.exists() => Claim::try_take(upper)?,
            (claim, _) => claim,
        };
        match self.own_upper || claim.is_some() {
            true => remove(&self.layers.work_in_work()),
            false => Ok(()),
        }
    }
}

/// Makes a directory; one that is there is fine.
pub(crate) fn make_directory(dir: &Path) -> Result<()> {
    quietly(format_args!("make directory {}", path(dir.display())))
        .run(|| std::fs::create_dir_all(dir))
}

/// Removes a directory with all that is in it; a missing one is fine.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    quietly(format_args!("remove {}", path(dir.display()))).run(|| {
        match std::fs::remove_dir_all(dir) {
            Err(e) if e.raw_os_error() == Some(Errno::ENOENT as i32) => Ok(()),
            other => other,
        }
    })
}
