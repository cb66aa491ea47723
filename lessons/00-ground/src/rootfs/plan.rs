//! What goes into a root file system, decided by looking only: the same plan, the same tree.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::call::quietly;
use crate::error::Result;

/// To be raised when the same plan is to give another tree.
const LAYOUT: u32 = 1;

const DIRECTORIES: [(&str, u32); 16] = [
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("lib", 0o755),
    ("lib64", 0o755),
    ("mnt", 0o755),
    ("proc", 0o755),
    ("root", 0o755),
    ("run", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/share", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

// Most hosts have merged /usr; a program or library must be found under either name.
const LINKS: [(&str, &str); 6] = [
    ("sbin", "bin"),
    ("usr/bin", "../bin"),
    ("usr/sbin", "../bin"),
    ("usr/lib", "../lib"),
    ("usr/lib64", "../lib64"),
    ("bin/probe", "bxw-probe"),
];

const FILES: [(&str, &str); 6] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
    ("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("etc/hostname", "box\n"),
    ("etc/resolv.conf", ""),
    (
        "etc/os-release",
        "NAME=\"Boxwright\"\nID=boxwright\nPRETTY_NAME=\"Boxwright default root file system\"\n",
    ),
];

/// What a shell session in a box needs, where there is no busybox to give it. One that the host lacks is left out.
const TOOLS: [&str; 26] = [
    "sh", "cat", "chmod", "chown", "cp", "echo", "env", "grep", "head", "hostname", "id", "kill",
    "ls", "mkdir", "mknod", "mount", "mv", "ps", "rm", "ln", "sleep", "stat", "touch", "umount",
    "uname", "wc",
];

/// One thing to make; paths are relative to the new root.
#[derive(Hash)]
pub enum Entry {
    Directory(&'static str, u32),
    Link(&'static str, &'static str),
    File(&'static str, &'static str),
    Program(String, Source),
}

/// An executable of the host. The libraries are not part of the plan: the tree has copies that fit together, whatever
/// the host upgrades later.
#[derive(Hash)]
pub struct Source {
    pub path: PathBuf,
    pub len: u64,
    mode: u32,
    stamp: u64,
}

/// Everything to make, in order.
pub struct Plan {
    pub entries: Vec<Entry>,
    /// Whose applets are linked in `/bin`.
    pub busybox: Option<PathBuf>,
}

impl Plan {
    /// Looks for tools along `search`.
    pub fn new(probe: &Path, search: &[PathBuf]) -> Result<Plan> {
        let mut entries: Vec<Entry> =
            DIRECTORIES.map(|(at, mode)| Entry::Directory(at, mode)).into();
        entries.extend(LINKS.map(|(at, to)| Entry::Link(at, to)));
        entries.extend(FILES.map(|(at, text)| Entry::File(at, text)));
        entries.push(Entry::Program("bin/bxw-probe".into(), Source::by_content(probe)?));
        let busybox = find("busybox", search);
        let tools = if busybox.is_some() { &["busybox"][..] } else { &TOOLS };
        for tool in tools {
            if let Some(path) = find(tool, search) {
                entries.push(Entry::Program(format!("bin/{tool}"), Source::by_age(&path)?));
            }
        }
        Ok(Plan { entries, busybox })
    }

    /// The name of its tree. Another Rust release may hash differently; that costs one rebuild.
    pub fn name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (LAYOUT, &self.entries).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Whether a tree still is what this plan made.
    pub fn stands_in(&self, tree: &Path) -> bool {
        let is_there = |entry: &Entry| match entry {
            Entry::Directory(at, _) => tree.join(at).is_dir(),
            Entry::Link(at, to) => {
                fs::read_link(tree.join(at)).is_ok_and(|link| link == Path::new(to))
            }
            Entry::File(at, text) => {
                fs::read(tree.join(at)).is_ok_and(|found| found == text.as_bytes())
            }
            Entry::Program(at, source) => {
                fs::symlink_metadata(tree.join(at)).is_ok_and(|file| file.len() == source.len)
            }
        };
        self.entries.iter().all(is_there) && tree.join("bin/sh").exists()
    }
}

impl Source {
    /// Known by size, mode and time of last change, as make(1) would.
    fn by_age(path: &Path) -> Result<Source> {
        let path =
            quietly(format_args!("realpath {}", path.display())).run(|| path.canonicalize())?;
        let meta = quietly(format_args!("stat {}", path.display())).run(|| fs::metadata(&path))?;
        let mut stamp = DefaultHasher::new();
        (meta.mtime(), meta.mtime_nsec()).hash(&mut stamp);
        Ok(Source { path, len: meta.len(), mode: meta.mode(), stamp: stamp.finish() })
    }

    /// Known by what is in it: the probe gets a new time with every build, and mostly stays the same.
    fn by_content(path: &Path) -> Result<Source> {
        let content = quietly(format_args!("read {}", path.display())).run(|| fs::read(path))?;
        let mut stamp = DefaultHasher::new();
        stamp.write(&content);
        let stamp = stamp.finish();
        Ok(Source { path: path.into(), len: content.len() as u64, mode: 0o755, stamp })
    }
}

/// `$PATH`, and the directories of system tools that an ordinary user's lacks.
pub fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).filter(|dir| dir.is_absolute()).chain(system).collect()
}

fn find(tool: &str, search: &[PathBuf]) -> Option<PathBuf> {
    let is_executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
    };
    search.iter().map(|dir| dir.join(tool)).find(is_executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_sources_give_the_same_name() {
        let name = || Plan::new(Path::new("/bin/sh"), &search_path()).unwrap().name();
        assert_eq!(name(), name());
    }

    #[test]
    fn another_probe_or_another_tool_gives_another_name() {
        let name = |probe: &str, search: &[&str]| {
            let search: Vec<PathBuf> = search.iter().map(PathBuf::from).collect();
            Plan::new(Path::new(probe), &search).unwrap().name()
        };
        let names = [name("/bin/sh", &[]), name("/bin/ls", &[]), name("/bin/sh", &["/bin"])];
        assert!(names[0] != names[1] && names[0] != names[2]);
    }
}
