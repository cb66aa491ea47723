//! From a plan to a tree.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use nix::errno::Errno;
use nix::unistd::mkdtemp;

use super::libraries::{self, Library};
use super::plan::{Entry, Plan};
use crate::call::quietly;
use crate::error::{Error, Result};

/// The tree of `plan` in `store`.
pub fn tree(store: &Path, plan: &Plan) -> Result<PathBuf> {
    let tree = store.join(plan.name());
    if tree.is_dir() {
        if plan.stands_in(&tree) {
            return Ok(tree);
        }
        set_aside(&tree)?;
    }
    let scratch = Scratch::beside(&tree)?;
    Builder::new(&scratch.0).build(plan)?;
    scratch.publish(tree)
}

/// Takes a damaged tree out of the way. A box may still run in it: `clean` removes it.
fn set_aside(tree: &Path) -> Result<()> {
    let aside = Scratch::beside(tree)?.keep();
    quietly(format_args!("rename {}", tree.display())).run(|| match fs::rename(tree, &aside) {
        // Another lesson was quicker.
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::remove_dir(&aside),
        other => other,
    })
}

/// A tree that is not finished, removed when it never is.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(tree: &Path) -> Result<Scratch> {
        let template = format!("{}.tmp-{}-XXXXXX", tree.display(), process::id());
        let dir = quietly(format_args!("make directory {template}"))
            .run(|| mkdtemp(Path::new(&template)))?;
        Ok(Scratch(dir))
    }

    /// Gives the tree its name in one step. A directory that is there already was finished by somebody else.
    fn publish(self, tree: PathBuf) -> Result<PathBuf> {
        quietly(format_args!("rename {} to {}", self.0.display(), tree.display())).run(|| {
            match fs::rename(&self.0, &tree) {
                Err(e)
                    if matches!(
                        e.raw_os_error().map(Errno::from_raw),
                        Some(Errno::ENOTEMPTY | Errno::EEXIST)
                    ) =>
                {
                    fs::remove_dir_all(&self.0)
                }
                other => other,
            }
        })?;
        self.keep();
        Ok(tree)
    }

    fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // The error that brought us here is the one to tell; `clean` finds what stays.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Makes files below `root`. Modes are set after the making: the caller's umask must not decide who may read.
struct Builder<'a> {
    root: &'a Path,
    programs: HashMap<PathBuf, PathBuf>,
    libraries: HashSet<Library>,
}

impl<'a> Builder<'a> {
    fn new(root: &'a Path) -> Self {
        Builder { root, programs: HashMap::new(), libraries: HashSet::new() }
    }

    fn build(mut self, plan: &Plan) -> Result<()> {
        mode(self.root, 0o755)?;
        for entry in &plan.entries {
            match entry {
                Entry::Directory(at, mode) => self.directory(Path::new(at), *mode)?,
                Entry::Link(at, to) => self.link(at, to)?,
                Entry::File(at, text) => self.file(at, text)?,
                Entry::Program(at, source) => self.program(at, &source.path)?,
            }
        }
        plan.busybox.iter().try_for_each(|busybox| self.applets(busybox))
    }

    fn directory(&self, at: &Path, bits: u32) -> Result<()> {
        let path = self.root.join(at);
        quietly(format_args!("make directory {}", path.display())).run(|| fs::create_dir(&path))?;
        mode(&path, bits)
    }

    fn link(&self, at: &str, to: &str) -> Result<()> {
        let path = self.root.join(at);
        quietly(format_args!("link {} to {to}", path.display())).run(|| symlink(to, &path))
    }

    fn file(&self, at: &str, text: &str) -> Result<()> {
        let path = self.root.join(at);
        quietly(format_args!("write {}", path.display())).run(|| fs::write(&path, text))?;
        mode(&path, 0o644)
    }

    /// Copies a program and its libraries. Tools that are one file on the host (multi-call programs) stay one file.
    fn program(&mut self, at: &str, source: &Path) -> Result<()> {
        let path = self.root.join(at);
        if let Some(twin) = self.programs.get(source) {
            return quietly(format_args!("link {}", path.display()))
                .run(|| fs::hard_link(twin, &path));
        }
        copy(source, &path)?;
        self.programs.insert(source.into(), path);
        for library in libraries::of(source)? {
            if self.libraries.insert(library.clone()) {
                self.library(&library)?;
            }
        }
        Ok(())
    }

    fn library(&self, library: &Library) -> Result<()> {
        let at = library.at.strip_prefix("/").unwrap_or(&library.at);
        let mut above: Vec<&Path> = at.ancestors().skip(1).collect();
        above.reverse();
        for dir in above {
            if !self.root.join(dir).exists() {
                self.directory(dir, 0o755)?;
            }
        }
        let path = self.root.join(at);
        // `/lib` and `/usr/lib` are one directory here: the other name may have brought it.
        if path.exists() { Ok(()) } else { copy(&library.source, &path) }
    }

    /// A link in `/bin` for each name that busybox answers to.
    fn applets(&self, busybox: &Path) -> Result<()> {
        let doing = format!("execute {} --list", busybox.display());
        let mut list = Command::new(busybox);
        let output = quietly(&doing).run(|| list.arg("--list").stdin(Stdio::null()).output())?;
        if !output.status.success() {
            let what = format!("{doing}: {}", output.status);
            return Err(Error::environment(what).remedy("take this busybox out of PATH"));
        }
        for applet in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            let at = format!("bin/{applet}");
            if fs::symlink_metadata(self.root.join(&at)).is_err() {
                self.link(&at, "busybox")?;
            }
        }
        Ok(())
    }
}

/// Copies an executable. Set-user-ID bits are not wanted in a tree that belongs to a learner.
fn copy(from: &Path, to: &Path) -> Result<()> {
    quietly(format_args!("copy {} to {}", from.display(), to.display()))
        .run(|| fs::copy(from, to))?;
    mode(to, 0o755)
}

fn mode(path: &Path, mode: u32) -> Result<()> {
    let set = || fs::set_permissions(path, Permissions::from_mode(mode));
    quietly(format_args!("chmod {mode:o} {}", path.display())).run(set)
}

#[cfg(test)]
mod tests;
