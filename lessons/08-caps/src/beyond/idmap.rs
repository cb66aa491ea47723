//! Mounts whose files belong to the users of the box: idmapped mounts, see mount_setattr(2).

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clone_pid::{Container, Part};
use ground::Result;
use ground::call::{doing, quietly};
use ground::story::muted;
use ground::text::path;
use mount_ns::beyond::mapped::map_ids;
use mount_ns::sys::Detached;
use mount_ns::{Volume, VolumeSpec};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;

use crate::UserNamespace;
use crate::maps::Maps;

/// A user namespace with these maps, that nobody is in: what a mount is mapped by. The box's own does not exist yet when
/// its mounts are made; the kernel compares maps and not namespaces.
pub fn namespace(maps: &Maps) -> Result<Rc<OwnedFd>> {
    let made =
        muted(|| Container::new(&["nobody"])?.with(UserNamespace::mapped(maps.clone())?).create())?;
    let file = format!("/proc/{}/ns/user", made.child().pid());
    let open = quietly("open the user namespace of a helper").run(|| File::open(&file))?;
    // Its first process dies with `made`; the namespace lives as long as it is open or a mount is mapped by it.
    Ok(Rc::new(open.into()))
}

/// The root file system of a box with a user namespace: mapped, so that the box's root owns what the host's root does. List
/// it before what makes the directory `/`.
pub struct MappedRoot {
    root: PathBuf,
    maps: Maps,
    copy: Option<Detached>,
}

impl MappedRoot {
    /// The directory `root` of the host, its owners seen through `maps`.
    pub fn new(root: impl Into<PathBuf>, maps: Maps) -> MappedRoot {
        MappedRoot { root: root.into(), maps, copy: None }
    }
}

impl Part for MappedRoot {
    fn prepare(&mut self) -> Result<()> {
        self.root = quietly(format_args!("open root {}", path(self.root.display())))
            .run(|| self.root.canonicalize())?;
        let copy = copy(&self.root)?;
        map_ids(&copy, Some(&*namespace(&self.maps)?))?;
        self.copy = Some(copy);
        Ok(())
    }

    /// Over the directory itself, in the box's mount namespace and in no other.
    fn enter(&mut self) -> Result<()> {
        let Some(copy) = &self.copy else { return Ok(()) };
        let at = path(self.root.display());
        doing(format_args!("move_mount to {at}"))
            .like_args(format_args!("mount --rbind -o X-mount.idmap=… {at} {at}"))
            .hint(Errno::EACCES, "the box's users must be able to go there: every directory on the path needs x for others")
            .run(|| copy.attach(AT_FDCWD, &self.root))
    }
}

fn copy(root: &Path) -> Result<Detached> {
    let shown = path(root.display());
    let copy = doing(format_args!("open_tree {shown} OPEN_TREE_CLONE|AT_RECURSIVE"))
        .like_args(format_args!("mount --rbind {shown} …"))
        .run(|| Detached::copy(root))?;
    quietly("mount_setattr MS_PRIVATE of the root").run(|| copy.make_private())?;
    Ok(copy)
}

/// Any number of volumes, in order; those with the option `idmap` are mapped.
pub struct MappedVolumes {
    volumes: Vec<VolumeSpec>,
    maps: Option<Maps>,
    made: Vec<Volume>,
}

impl MappedVolumes {
    /// Mapped by `maps`, the box's own.
    pub fn new(volumes: Vec<VolumeSpec>, maps: Option<Maps>) -> MappedVolumes {
        MappedVolumes { volumes, maps, made: Vec::new() }
    }
}

impl Part for MappedVolumes {
    fn prepare(&mut self) -> Result<()> {
        let wanted = self.volumes.iter().any(|spec| spec.mapped);
        let by = self.maps.as_ref().filter(|_| wanted).map(namespace).transpose()?;
        let volume = |spec: VolumeSpec| match &by {
            Some(by) => Volume::new(spec).mapped_by(Rc::clone(by)),
            None => Volume::new(spec),
        };
        self.made = self.volumes.drain(..).map(volume).collect();
        self.made.iter_mut().try_for_each(Volume::prepare)
    }

    fn enter(&mut self) -> Result<()> {
        self.made.iter_mut().try_for_each(Volume::enter)
    }
}
