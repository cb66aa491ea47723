//! Where a bench keeps what it makes on the host. It looks like a lesson's run, so that `cargo xtask clean` finds all of
//! it after a `kill -9`: a directory `/run/bxw-UID/run-PID` with a lock that dies with us, cgroups and containers with
//! that name, and boxes whose command ends when we do.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use crate::failure::{Context, Failure, Result};
use crate::{sys, workspace};

/// How long a box may take to say that it runs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The directories of a bench, removed with the value.
#[derive(Debug)]
pub struct Home {
    /// On the host, where a runtime keeps its state.
    run: PathBuf,
    /// In the target directory: programs, root file system, bundles, our boxes.
    work: PathBuf,
    name: String,
    ready: File,
    _alive: File,
    _locks: [File; 2],
}

impl Home {
    /// Makes them, and gives this process mounts of its own, in which our runtime's boxes are kept apart from the user's.
    pub fn make() -> Result<Home> {
        let ours = format!("bxw-{}", env::var("SUDO_UID").unwrap_or_else(|_| "0".into()));
        let name = format!("run-{}", process::id());
        let run = Path::new("/run").join(&ours).join(&name);
        let alone = alone()?;
        let lock = register(&run)?;
        let work = workspace::state_dir()?.join("bench");
        let _ = fs::remove_dir_all(&work);
        for name in ["boxes", "rootfs/bin", "rootfs/dev", "rootfs/proc", "rootfs/sys", "rootfs/tmp"]
        {
            make_dir(&work.join(name))?;
        }
        keep_apart(&work.join("boxes"), &Path::new("/var/lib").join(&ours))?;
        let (ready, _alive) =
            (open_fifo(&work.join("rootfs/ready"))?, open_fifo(&work.join("rootfs/alive"))?);
        Ok(Home { run, work, name: format!("{ours}-{name}"), ready, _alive, _locks: [alone, lock] })
    }

    /// The directory that runtimes keep their state in: of the kind that they use by default.
    pub fn state(&self) -> &Path {
        &self.run
    }

    /// The directory for all that need not be on the host.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The root of every box.
    pub fn root(&self) -> PathBuf {
        self.work.join("rootfs")
    }

    /// What processes carry in their environment as `container=`, and what names begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until one more box says that its command runs.
    pub fn wait_until_ready(&self) -> Result<()> {
        let mut byte = [0];
        let said = match sys::wait_for(&self.ready, PATIENCE) {
            Ok(true) => (&self.ready).read_exact(&mut byte),
            Ok(false) => Err(io::ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
        };
        said.map_err(|error| Failure::failed(format!("wait for a box's command: {error}")))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        remove_groups(&self.name);
        let _ = fs::remove_dir_all(&self.work);
        let _ = fs::remove_dir_all(&self.run);
        let _ = self.run.parent().map(fs::remove_dir);
    }
}

/// Ctrl-C ends a runtime before it has removed the group of its box. Whatever is not empty yet is left to `clean`.
fn remove_groups(name: &str) {
    let below = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = below(top).map(|entry| entry.path());
    for hierarchy in hierarchies.chain([top.to_path_buf()]) {
        for group in below(&hierarchy) {
            if group.file_name().to_string_lossy().starts_with(&format!("{name}-")) {
                let _ = fs::remove_dir(group.path());
            }
        }
    }
}

/// Two at once would measure each other.
fn alone() -> Result<File> {
    let path = workspace::state_dir()?.join("bench.lock");
    let file = File::create(&path).doing("create", &path)?;
    let busy = |_| Failure::unusable("another bench or trace runs in this checkout: wait for it");
    sys::lock(&file).map_err(busy).map(|()| file)
}

/// Makes the directory under a name that `clean` passes over, and renames it when it is locked.
fn register(run: &Path) -> Result<File> {
    let nascent = run.with_extension("new");
    make_dir(&nascent)?;
    let path = nascent.join("lock");
    let lock = File::create(&path).doing("create", &path)?;
    sys::lock(&lock).doing("lock", &path)?;
    fs::rename(&nascent, run).doing("rename to", run)?;
    Ok(lock)
}

/// crun takes a host with v1 controllers and an empty v2 mount for a v2 host, and gives up. So nobody here sees that mount.
fn keep_apart(boxes: &Path, at: &Path) -> Result<()> {
    make_dir(at)?;
    let table = Path::new("/proc/self/mountinfo");
    let mounts = fs::read_to_string(table).doing("read", table)?;
    sys::own_mounts().doing("unshare, for mounts of our own,", Path::new("/"))?;
    sys::bind(boxes, at).doing("bind, in mounts of our own,", at)?;
    let v2 = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let mut points = v2.filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    points.try_for_each(|point| match point == Path::new("/sys/fs/cgroup") {
        true => Ok(()),
        false => sys::unmount(point).doing("unmount, in mounts of our own,", point),
    })
}

/// Both ends: then neither an open nor a write waits for anybody.
fn open_fifo(path: &Path) -> Result<File> {
    sys::fifo(path).doing("make FIFO", path)?;
    OpenOptions::new().read(true).write(true).open(path).doing("open", path)
}

fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).doing("make directory", dir)
}
