//! What demo and experiments share: a directory to work in, layers in it, and what is seen of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ground::call::{IntoErrno, doing, quietly};
use ground::lesson::run_dir;
use ground::story::{self, Event, Lane, evidence};
use ground::text::{Text, size};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::unistd::chdir;
use overlay::Layers;
use overlay::beyond::lookup::Entry;
use overlay::beyond::picture::draw;
use overlay::sys::attribute;

pub use crate::mounted::Mounted;

/// A directory of this run's own. As long as it is there this process works in it, so that names stay short: `l1`, `l2` are
/// lower layers, `u` the upper one, `w` the work directory, `m` what is seen.
pub struct Stage(PathBuf);

impl Stage {
    /// Makes it and goes there.
    pub fn enter(word: &str) -> Result<Stage> {
        let dir = run_dir()?.join(word);
        quietly(format_args!("make directory {}", dir.display())).run(|| {
            fs::create_dir_all(&dir)?;
            ["u", "w", "m"].iter().try_for_each(|name| fs::create_dir_all(dir.join(name)))
        })?;
        quietly(format_args!("chdir {}", dir.display())).run(|| chdir(&dir))?;
        Ok(Stage(dir))
    }

    /// A file or directory in it, from the root.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is left goes with the run.
        let _ = chdir("/");
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A layer of files with their content; a name that ends in `/` is a directory.
pub fn layer(dir: &str, files: &[(&str, &str)]) -> Result<()> {
    quietly(format_args!("fill {dir}")).run(|| {
        fs::create_dir_all(dir)?;
        files.iter().try_for_each(|(name, content)| {
            let at = Path::new(dir).join(name);
            if name.ends_with('/') {
                return fs::create_dir_all(at);
            }
            fs::create_dir_all(at.parent().unwrap_or(Path::new(dir)))?;
            fs::write(at, format!("{content}\n"))
        })
    })
}

/// A layer with one file of so many MiB, not of zeros.
pub fn big_file(at: &str, mib: usize) -> Result<()> {
    let content: Vec<u8> = (0..mib << 20).map(|i| (i % 251) as u8).collect();
    quietly(format_args!("write {at}")).run(|| fs::write(at, &content))
}

/// These lower layers, the lowest first, with `u` and `w`.
pub fn layers(lowers: &[&str]) -> Layers {
    read_only(lowers).upper("u".into(), "w".into())
}

/// These, and nothing to write to.
pub fn read_only(lowers: &[&str]) -> Layers {
    Layers::read_only(lowers.iter().map(PathBuf::from).collect())
}

/// Writes a line to a file, which is made when missing.
pub fn write(at: &str, text: &str) -> Result<()> {
    doing(format_args!("write \"{text}\" to {at}"))
        .like_args(format_args!("echo {text} > {at}"))
        .run(|| fs::write(at, format!("{text}\n")))
}

/// Removes a name.
pub fn unlink(at: &str) -> Result<()> {
    doing(format_args!("unlink {at}"))
        .like_args(format_args!("rm {at}"))
        .run(|| fs::remove_file(at))
}

/// Makes a directory.
pub fn mkdir(at: &str) -> Result<()> {
    doing(format_args!("mkdir {at}"))
        .like_args(format_args!("mkdir {at}"))
        .run(|| fs::create_dir(at))
}

/// Removes a directory with all in it.
pub fn remove_tree(at: &str) -> Result<()> {
    doing(format_args!("unlink all in {at}, rmdir {at}"))
        .like_args(format_args!("rm -r {at}"))
        .run(|| fs::remove_dir_all(at))
}

/// Renames; the errno when refused.
pub fn rename(from: &str, to: &str) -> Result<(), Errno> {
    let done = doing(format_args!("rename {from} {to}"))
        .like_args(format_args!("mv -T {from} {to}"))
        .run(|| fs::rename(from, to));
    done.map_err(errno)
}

/// Changes the mode of a file.
pub fn chmod(at: &str, mode: u32) -> Result<()> {
    doing(format_args!("chmod {at} {mode:o}"))
        .like_args(format_args!("chmod {mode:o} {at}"))
        .run(|| fs::set_permissions(at, fs::Permissions::from_mode(mode)))
}

/// The errno of a call that was told.
pub fn errno(error: Error) -> Errno {
    error.errno().unwrap_or(Errno::UnknownErrno)
}

/// The first line of a file, told; empty when there is no such file.
pub fn content(at: &str) -> String {
    let text = fs::read_to_string(at);
    let shown = match &text {
        Ok(text) => text.trim_end().to_string(),
        Err(e) => Errno::from_raw(e.raw_os_error().unwrap_or(0)).to_string(),
    };
    evidence(at, format!("\"{shown}\""));
    text.map(|text| text.trim_end().to_string()).unwrap_or_default()
}

/// The names in a directory, with what they are; told.
pub fn list(dir: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = quietly(format_args!("list {dir}")).run(|| fs::read_dir(dir))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        names.push(format!("{name}{}", suffix(&entry.path())?));
    }
    names.sort();
    let shown = if names.is_empty() { "nothing".into() } else { names.join(", ") };
    evidence(format!("{dir}/"), shown);
    Ok(names)
}

fn suffix(at: &Path) -> Result<&'static str> {
    Ok(match Entry::of(at)? {
        Entry::Whiteout => " (character device 0:0)",
        Entry::Opaque => "/ (opaque)",
        Entry::Directory => "/",
        Entry::Absent | Entry::File => "",
    })
}

/// Names, modes, owners and contents of a whole tree: what must not change.
pub type Tree = BTreeMap<PathBuf, (u32, u32, u64, Vec<u8>)>;

/// Reads a tree, and tells how much it is.
pub fn tree(dir: &str) -> Result<Tree> {
    let mut found = Tree::new();
    quietly(format_args!("read all of {dir}")).run(|| read_tree(Path::new(dir), &mut found))?;
    evidence(format!("{dir}/, names, modes, owners and contents"), format!("{} read", found.len()));
    Ok(found)
}

fn read_tree(dir: &Path, found: &mut Tree) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let (at, meta) =
            (entry.as_ref().map(fs::DirEntry::path), entry.as_ref().map(|e| e.metadata()));
        let (Ok(at), Ok(Ok(meta))) = (at, meta) else { continue };
        let content = if meta.is_file() { fs::read(&at)? } else { Vec::new() };
        if meta.is_dir() {
            read_tree(&at, found)?;
        }
        found.insert(at, (meta.mode(), meta.uid(), meta.rdev(), content));
    }
    Ok(())
}

/// Bytes on the disk of a directory and all in it, as du(1) counts; told.
pub fn du(dir: &str) -> Result<u64> {
    let bytes = quietly(format_args!("du {dir}")).run(|| blocks(Path::new(dir)))? * 512;
    evidence(format!("du {dir}"), format!("{} KiB", size(bytes >> 10)));
    Ok(bytes)
}

fn blocks(at: &Path) -> std::io::Result<u64> {
    let meta = fs::symlink_metadata(at)?;
    let mut sum = meta.blocks();
    if meta.is_dir() {
        for entry in fs::read_dir(at)? {
            sum += blocks(&entry?.path())?;
        }
    }
    Ok(sum)
}

/// Whether a name of a layer is a whiteout, told by what it is.
pub fn is_whiteout(at: &str) -> Result<bool> {
    let meta = fs::symlink_metadata(at).map_err(IntoErrno::into_errno);
    let shown = match &meta {
        Ok(meta) if meta.file_type().is_char_device() => {
            format!("character device {}:{}", libc::major(meta.rdev()), libc::minor(meta.rdev()))
        }
        Ok(meta) if meta.is_dir() => "directory".into(),
        Ok(_) => "file".into(),
        Err(errno) => errno.to_string(),
    };
    evidence(format!("lstat {at}"), shown);
    Ok(Entry::of(Path::new(at))? == Entry::Whiteout)
}

/// An attribute of overlayfs, told.
pub fn note_of(at: &str, name: &str) -> Result<Option<String>> {
    let class = if overlay::user_xattr() { "user" } else { "trusted" };
    let full = format!("{class}.overlay.{name}");
    let c_name = std::ffi::CString::new(full.clone()).map_err(|_| Error::usage("a NUL"))?;
    let value = quietly(format_args!("lgetxattr {at}")).run(|| attribute(at, &c_name))?;
    let value = value.map(|value| String::from_utf8_lossy(&value).into_owned());
    evidence(format!("{at}, {full}"), value.as_deref().unwrap_or("not there"));
    Ok(value)
}

/// The stack, a row for each name, told: these lower layers, and `u`.
pub fn picture(stage: &Stage, lowers: &[&str]) -> Result<Vec<String>> {
    let named = lowers.iter().map(|dir| (dir.to_string(), stage.at(dir)));
    let all: Vec<_> = named.chain([("u".to_string(), stage.at("u"))]).collect();
    let rows = draw(&all)?;
    for row in &rows {
        story::emit(&Event::Output { lane: Lane::Host, text: Text::from(row) });
    }
    Ok(rows)
}

/// Number of the file and of its device, for comparison.
pub fn identity(at: &str) -> Result<(u64, u64)> {
    let meta = quietly(format_args!("lstat {at}")).run(|| fs::symlink_metadata(at))?;
    Ok((meta.dev(), meta.ino()))
}
