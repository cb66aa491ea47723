//! Directories of the host that a test has made for itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use ground::host::{PREFIX, owner};

use crate::said;

/// A directory in which every user may look around; removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty one.
    #[allow(clippy::new_without_default)] // it makes something
    pub fn new() -> Scratch {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}-{}-test-{}-{number}", owner(), std::process::id());
        let scratch = Scratch(std::env::temp_dir().join(name));
        fs::create_dir(&scratch.0).expect("make a directory");
        scratch.open_to_all(".", 0o755);
        scratch
    }

    /// The path of `name` in it, which need not be there.
    pub fn at(&self, name: &str) -> String {
        self.0.join(name).into_os_string().into_string().expect("TMPDIR is UTF-8")
    }

    /// A directory in it, with those above.
    pub fn dir(&self, name: &str) -> String {
        fs::create_dir_all(self.0.join(name)).expect("make a directory");
        self.at(name)
    }

    /// A file in it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), content).expect("write a file");
        self.at(name)
    }

    /// An executable file in it.
    pub fn program(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let text = self.file(&format!("{name}.text"), content);
        copy(Path::new(&text), &self.0.join(name));
        self.open_to_all(name, 0o755);
        self.at(name)
    }

    /// A symbolic link in it.
    pub fn link(&self, name: &str, to: &str) -> String {
        symlink(to, self.0.join(name)).expect("make a symlink");
        self.at(name)
    }

    /// What stands in a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_else(|e| panic!("read {name}: {e}"))
    }

    /// Gives `name` this mode, whatever the umask is.
    pub fn open_to_all(&self, name: &str, mode: u32) {
        fs::set_permissions(self.0.join(name), Permissions::from_mode(mode)).expect("chmod");
    }

    /// The least that can be a root: the probe, and where file systems are mounted.
    pub fn image(&self, name: &str) -> String {
        for directory in ["proc", "dev", "sys"] {
            self.dir(&format!("{name}/{directory}"));
        }
        for (at, source) in ground::rootfs::probe_files().expect("the probe is built") {
            let at = self.0.join(name).join(at);
            fs::create_dir_all(at.parent().expect("it is below the root")).expect("mkdir");
            copy(&source, &at);
        }
        self.at(name)
    }

    /// Every path below `name`, sorted.
    pub fn listing(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        paths_below(&self.0.join(name), &mut found);
        found.sort();
        found
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// By another process. Had this one the copy open for writing while another of its threads forks, the child would have it
/// open for a moment too, and executing it would fail with ETXTBSY.
fn copy(source: &Path, at: &Path) {
    said(Command::new("cp").args([source, at]));
}

fn paths_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            paths_below(&entry.path(), found);
        }
        found.push(entry.path());
    }
}
