//! The boxes of this user: `<data>/boxes/ID/`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::error::Kind;
use ground::host::data::{data_dir, make_private};
use ground::{Error, Result};
use nix::fcntl::{Flock, FlockArg};

use super::boxed::{Boxed, Lock};
use super::names::{id, random, suggestions};
use super::record::{self, Spec, State, now};

/// Where they are.
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// Opens it, and makes it when missing.
    pub fn open() -> Result<Store> {
        let dir = data_dir()?.join("boxes");
        make_private(&dir)?;
        Ok(Store { dir })
    }

    /// All of them, the oldest first.
    pub fn boxes(&self) -> Result<Vec<Boxed>> {
        let entries =
            quietly(format_args!("list {}", self.dir.display())).run(|| fs::read_dir(&self.dir))?;
        let of_boxes =
            entries.flatten().filter(|entry| is_id(&entry.file_name().to_string_lossy()));
        let read = of_boxes.map(|entry| Boxed::read(&entry.path())).collect::<Result<Vec<_>>>()?;
        let mut boxes: Vec<Boxed> = read.into_iter().flatten().collect();
        boxes.sort_by_key(|boxed| boxed.spec.created);
        Ok(boxes)
    }

    /// The one with this name, or whose ID begins so.
    pub fn find(&self, word: &str) -> Result<Boxed> {
        let boxes = self.boxes()?;
        if let Some(named) = boxes.iter().find(|b| b.spec.name == word || b.spec.id == word) {
            return Ok(named.clone());
        }
        let begins = |boxed: &&Boxed| !word.is_empty() && boxed.spec.id.starts_with(word);
        match &boxes.iter().filter(begins).collect::<Vec<_>>()[..] {
            [one] => Ok((*one).clone()),
            [] => Err(Error::new(Kind::Failed, format!("there is no box {word}"))
                .remedy("`ps -a` shows all")),
            several => {
                let ids: Vec<_> = several.iter().map(|boxed| boxed.short()).collect();
                let what = format!("{word} is the beginning of {} IDs", ids.len());
                Err(Error::new(Kind::Failed, what).remedy(ids.join(", ")))
            }
        }
    }

    // ANCHOR: create
    /// Makes a box: gives it an ID and a name that no other has, and writes down how it is made. It is furnished under a
    /// name that nobody looks at, and then renamed: there are no half boxes.
    pub fn create(&self, spec: Spec) -> Result<Boxed> {
        self.create_in(spec, &State::default()).map(|(boxed, _)| boxed)
    }

    /// The same for who is its monitor from the beginning.
    pub fn create_in(&self, mut spec: Spec, state: &State) -> Result<(Boxed, Lock)> {
        let _lock = self.lock()?;
        let random = random()?;
        (spec.id, spec.created) = (id(&random), now());
        spec.name = self.free_name(std::mem::take(&mut spec.name), suggestions(&random))?;
        let (half, dir) = (self.dir.join(".new"), self.dir.join(&spec.id));
        spec.keep_image(&dir)?;
        make_half(&half)?;
        let made = Boxed::furnish(&half, &spec, state).and_then(|watched| {
            quietly(format_args!("rename {}", half.display())).run(|| fs::rename(&half, &dir))?;
            Ok(watched)
        });
        let watched = made.inspect_err(|_| drop(fs::remove_dir_all(&half)))?;
        if !spec.auto_remove {
            record::sync(&self.dir)?;
        }
        Ok((Boxed { dir, spec }, watched))
    }
    // ANCHOR_END: create

    /// Removes what is known of a box. Nobody must be watching it.
    pub fn remove(&self, boxed: &Boxed) -> Result<()> {
        boxed.empty()?;
        let _lock = self.lock()?;
        let half = self.dir.join(".old");
        let renamed = match fs::rename(&boxed.dir, &half) {
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
                self.remove_halves();
                fs::rename(&boxed.dir, &half)
            }
            other => other,
        };
        match renamed {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            other => quietly(format_args!("rename {}", boxed.dir.display())).run(|| other)?,
        }
        boxed.let_image_go();
        quietly(format_args!("remove {}", half.display())).run(|| Boxed::remove(&half))
    }

    /// Removes what nobody can understand any more: all that is left of a box that was made right before a power failure.
    pub fn remove_ruins(&self) -> Result<()> {
        let _lock = self.lock()?;
        self.remove_halves();
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_id(&entry.file_name().to_string_lossy())) {
            let at = entry.path();
            if Boxed::read(&at)?.is_none() {
                let _ = fs::remove_dir_all(at);
            }
        }
        Ok(())
    }

    /// Gives a box another name.
    pub fn rename(&self, boxed: &Boxed, name: &str) -> Result<()> {
        let _lock = self.lock()?;
        let name = self.free_name(name.to_string(), std::iter::empty())?;
        let _box_lock = boxed.lock()?;
        record::write(&boxed.dir.join("box.json"), &Spec { name, ..boxed.spec.clone() }, true)
    }

    /// What a killed command has left. Only who holds the lock makes such.
    fn remove_halves(&self) {
        for half in [".new", ".old"] {
            let _ = fs::remove_dir_all(self.dir.join(half));
        }
    }

    fn free_name(&self, wanted: String, others: impl Iterator<Item = String>) -> Result<String> {
        let boxes = self.boxes()?;
        let taken = |name: &str| boxes.iter().any(|boxed| boxed.spec.name == name);
        if wanted.is_empty() {
            let free = others.into_iter().find(|name| !taken(name));
            return free.ok_or_else(|| Error::new(Kind::Failed, "every name is taken"));
        }
        match taken(&wanted) {
            false => Ok(wanted),
            true => Err(Error::new(Kind::Failed, format!("there is a box {wanted} already"))
                .remedy("`rm` it, or take another name")),
        }
    }

    /// The lock around what concerns all of them: names.
    fn lock(&self) -> Result<Flock<File>> {
        let at = self.dir.join(".lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = quietly(format_args!("open {}", at.display())).run(|| options.open(&at))?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| Error::os(format_args!("flock {}", at.display()), errno))
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// One that a killed command has left is replaced.
fn make_half(at: &Path) -> Result<()> {
    let make = || DirBuilder::new().mode(0o700).create(at);
    let made = match make() {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            fs::remove_dir_all(at).and_then(|()| make())
        }
        other => other,
    };
    quietly(format_args!("make directory {}", at.display())).run(|| made)
}

fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
