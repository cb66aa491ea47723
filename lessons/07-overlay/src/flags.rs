//! The flags that this lesson adds to `run`: Docker's, with Docker's meaning, and some to see layers with.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use cgroup_cpu::flags::Several;
use chroot::Rootfs;
use clap::Args;
use clone_pid::Part;
use ground::Result;
use ground::call::quietly;
use ground::rootfs::default_rootfs;
use ground::text::path;
use nix::sched::CloneFlags;

use crate::beyond::diff::TellChanges;
use crate::beyond::image::Store;
use crate::beyond::lookup::is_directory;
use crate::beyond::source::Source;
use crate::{IoLimit, Overlay, Rate, SpaceLimit, Throttle, io, make_directory, space};

/// `run --layer DIR --device-write-bps /dev/sda:1m` and their relatives.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)] // clap would name a group after the struct, and earlier lessons' have the same name
pub struct Flags {
    /// Lesson 06's flags.
    #[command(flatten)]
    pub base: veth::flags::Flags,
    /// Image that the root is made of: a name with an optional tag, or a digest
    #[arg(long, value_name = "REF", conflicts_with = "rootfs")]
    pub image: Option<String>,
    /// Directory of the image store; a usual place when left out
    #[arg(long, value_name = "DIR", requires = "image")]
    pub store: Option<PathBuf>,
    /// Directory laid over the root; may be repeated, the last one is uppermost
    #[arg(long, value_name = "DIR")]
    pub layer: Vec<PathBuf>,
    /// Keep the root as it is: what the box writes is thrown away; --layer and --image do so, too
    #[arg(long)]
    pub overlay: bool,
    /// Nobody can write to the root
    #[arg(long, conflicts_with_all = ["upper", "storage_opt", "diff"])]
    pub read_only: bool,
    /// Directory that keeps what the box writes, in upper/
    #[arg(long, value_name = "DIR")]
    pub upper: Option<PathBuf>,
    /// How much the box may write: size=64m; in memory, where the file system keeps no quotas
    #[arg(long, value_name = "size=SIZE", conflicts_with = "upper", value_parser = space::parse)]
    pub storage_opt: Option<SpaceLimit>,
    /// At the end, say what the box has added, changed and deleted
    #[arg(long)]
    pub diff: bool,
    /// Bytes read from a disk in a second: /dev/sda:1mb
    #[arg(long, value_name = "DISK:RATE", value_parser = |word: &str| io::parse(word, Rate::ReadBytes))]
    pub device_read_bps: Vec<Throttle>,
    /// Bytes written to a disk in a second
    #[arg(long, value_name = "DISK:RATE", value_parser = |word: &str| io::parse(word, Rate::WriteBytes))]
    pub device_write_bps: Vec<Throttle>,
    /// Read requests to a disk in a second: /dev/sda:100
    #[arg(long, value_name = "DISK:N", value_parser = |word: &str| io::parse(word, Rate::ReadRequests))]
    pub device_read_iops: Vec<Throttle>,
    /// Write requests to a disk in a second
    #[arg(long, value_name = "DISK:N", value_parser = |word: &str| io::parse(word, Rate::WriteRequests))]
    pub device_write_iops: Vec<Throttle>,
    /// Where a box that outlives its processes keeps what it writes.
    #[arg(skip)]
    pub kept: Option<PathBuf>,
}

impl Deref for Flags {
    type Target = veth::flags::Flags;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl Flags {
    /// The image, if one was named; it is held as long as that is there.
    pub fn source(&self) -> Result<Source> {
        let Some(name) = &self.image else { return Ok(Source::new(None)) };
        let store = Store::open(self.store.as_deref())?;
        store.resolve(name).map(|image| Source::new(Some(image)))
    }

    /// What becomes `/`, over the layers of an image or the directory that `--rootfs` names.
    pub fn root(&self, image: Option<Vec<PathBuf>>) -> Result<Root> {
        if image.is_none() && !self.is_layered() {
            return Ok(Root::Plain(self.rootfs()?));
        }
        // Those of an image are held already, by names from the root.
        let mut lowers = match image {
            Some(layers) => layers,
            None => vec![layer(&self.rootfs.clone().map_or_else(default_rootfs, Ok)?)?],
        };
        let more: Vec<_> = self.layer.iter().map(|dir| layer(dir)).collect::<Result<_>>()?;
        lowers.extend(more);
        let overlay = match &self.kept {
            _ if self.read_only => Overlay::read_only(lowers)?,
            Some(dir) => Overlay::kept(dir, lowers),
            None => Overlay::new(lowers)?,
        };
        let overlay = match &self.upper {
            Some(dir) => {
                make_directory(dir)?;
                let dir = layer(dir)?;
                overlay.upper(dir.join("upper"), dir.join("work"))
            }
            None => overlay,
        };
        let overlay = self.storage_opt.into_iter().fold(overlay, Overlay::space);
        let tell = self.diff.then(|| TellChanges::of(overlay.layers()));
        Ok(Root::Layered(Box::new(overlay), tell))
    }

    /// Limits of reading and writing, in the group of lesson 04's, if there are any.
    pub fn io(&self) -> Several {
        let mut parts = Several::default();
        let lists = [
            &self.device_read_bps,
            &self.device_write_bps,
            &self.device_read_iops,
            &self.device_write_iops,
        ];
        let all: Vec<_> = lists.into_iter().flatten().cloned().collect();
        if !all.is_empty() {
            parts.push(IoLimit::new(all).of(&self.group()));
        }
        parts
    }

    fn is_layered(&self) -> bool {
        let wanted = [self.overlay, self.read_only, self.diff];
        wanted.contains(&true)
            || !self.layer.is_empty()
            || self.upper.is_some()
            || self.storage_opt.is_some()
    }
}

/// The absolute name of a directory.
fn layer(dir: &Path) -> Result<PathBuf> {
    is_directory(dir)?;
    quietly(format_args!("find {}", path(dir.display()))).run(|| dir.canonicalize())
}

/// The root of a box: a directory, as in lesson 03, or layers, and what is said of them at the end.
pub enum Root {
    /// A directory of the host, written to.
    Plain(Rootfs),
    /// Layers.
    Layered(Box<Overlay>, Option<TellChanges>),
}

impl Root {
    /// Its path, if it is a directory of the host.
    pub fn plain(&self) -> Option<PathBuf> {
        match self {
            Root::Plain(rootfs) => Some(rootfs.path().into()),
            Root::Layered(..) => None,
        }
    }

    fn part(&self) -> &dyn Part {
        match self {
            Root::Plain(rootfs) => rootfs,
            Root::Layered(overlay, _) => &**overlay,
        }
    }

    fn part_mut(&mut self) -> &mut dyn Part {
        match self {
            Root::Plain(rootfs) => rootfs,
            Root::Layered(overlay, _) => &mut **overlay,
        }
    }
}

impl Part for Root {
    fn namespaces(&self) -> CloneFlags {
        self.part().namespaces()
    }

    fn prepare(&mut self) -> Result<()> {
        self.part_mut().prepare()
    }

    fn enter(&mut self) -> Result<()> {
        self.part_mut().enter()
    }

    fn seal(&mut self) -> Result<()> {
        self.part_mut().seal()
    }

    /// What was changed is read before it is thrown away.
    fn release(&mut self) -> Result<()> {
        let told = match self {
            Root::Layered(_, tell) => tell.take().map_or(Ok(()), |tell| tell.tell()),
            Root::Plain(_) => Ok(()),
        };
        self.part_mut().release().and(told)
    }
}
