//! A build under way: the layers and the config so far.

use std::fs;
use std::path::{Path, PathBuf};

use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};

use super::copy::{self, Copy};
use super::ignore::Ignored;
use super::parse::{Instruction, Step};
use super::{run, time, words};
use crate::beyond::image::adding::Adding;
use crate::beyond::image::blob::open_regular;
use crate::beyond::image::held::Image;
use crate::beyond::image::import::finish;
use crate::beyond::image::spec::{Descriptor, History, ImageConfig};
use crate::beyond::image::store::Store;
use crate::beyond::image::unpack::Limits;

/// What has been made so far.
pub struct State<'a> {
    store: &'a Store,
    context: &'a Path,
    ignored: Ignored,
    adding: Adding<'a>,
    image: ImageConfig,
    /// Whether this Dockerfile has said CMD.
    has_cmd: bool,
    /// Keeps the layers of the base from being pruned.
    _base: Option<Image>,
}

impl<'a> State<'a> {
    pub fn begin(store: &'a Store, context: &'a Path, limits: Limits) -> Result<State<'a>> {
        let file = context.join(".dockerignore");
        let text = if file.is_file() {
            quietly(format_args!("read {}", path(file.display())))
                .run(|| fs::read_to_string(&file))?
        } else {
            String::new()
        };
        let (ignored, adding) = (Ignored::parse(&text), Adding::new(store, limits)?);
        let image = ImageConfig { created: Some(time::now()?), ..ImageConfig::default() };
        Ok(State { store, context, ignored, adding, image, has_cmd: false, _base: None })
    }

    pub fn perform(&mut self, step: &Step) -> Result<()> {
        let layers = self.adding.layers().len();
        if let Instruction::From(image) = &step.what {
            return self.from(image);
        }
        match &step.what {
            Instruction::From(_) => {}
            Instruction::Run(command) => {
                let (lowers, dir) = (self.lowers()?, self.step_dir()?);
                let archive = run::run(&command.argv(), &self.image.config, lowers, &dir)?;
                self.layer(&archive, &dir)?;
            }
            Instruction::Copy { flags, paths } => self.copy(flags, paths)?,
            Instruction::Set { label, pairs } => self.set(*label, pairs)?,
            Instruction::Workdir(dir) => self.workdir(dir)?,
            Instruction::User(user) => self.image.config.user = Some(self.expand(user)?),
            Instruction::Entrypoint(command) => {
                self.image.config.entrypoint = command.argv();
                // What the base passes to its own entrypoint means nothing to another.
                if !self.has_cmd {
                    self.image.config.cmd.clear();
                }
            }
            Instruction::Cmd(command) => {
                self.image.config.cmd = command.argv();
                self.has_cmd = true;
            }
        }
        let empty_layer = self.adding.layers().len() == layers;
        let (created, created_by) = (self.image.created.clone(), Some(step.text.clone()));
        self.image.history.push(History { created, created_by, empty_layer });
        Ok(())
    }

    pub fn finish(mut self) -> Result<Descriptor> {
        self.image.rootfs.diff_ids =
            self.adding.layers().iter().map(|layer| layer.diff_id.clone()).collect();
        finish(self.adding, &self.image)
    }

    fn from(&mut self, word: &str) -> Result<()> {
        if word == "scratch" {
            return Ok(());
        }
        let base = self.store.find(word)?;
        self._base = Some(self.store.hold(&base)?);
        let manifest = self.store.manifest(&base)?;
        let config = self.store.config(&manifest)?;
        for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
            if !self.adding.known_layer(layer, diff_id) {
                let what =
                    format!("the layer {} of {word} is missing from the store", layer.digest);
                return Err(Error::new(Kind::Failed, what).remedy("import or pull the image again"));
            }
        }
        self.image = ImageConfig { created: self.image.created.take(), ..config };
        Ok(())
    }

    fn copy(&mut self, flags: &[(String, String)], paths: &super::parse::Command) -> Result<()> {
        let words = match paths {
            super::parse::Command::Exec(words) => words.clone(),
            super::parse::Command::Shell(line) => words::split(line, &|name| self.variable(name))?,
        };
        let Some((to, sources)) = words.split_last().filter(|(_, sources)| !sources.is_empty())
        else {
            return Err(Error::usage("COPY takes files of the context, and where they go"));
        };
        let to = self.absolute(to);
        let copy = Copy::new(self.context, &self.ignored, flags)?;
        let (lowers, dir) = (self.lowers()?, self.step_dir()?);
        let archive = copy.archive(sources, &to, lowers, &dir)?;
        self.layer(&archive, &dir)
    }

    fn workdir(&mut self, dir: &str) -> Result<()> {
        let dir = self.absolute(&self.expand(dir)?);
        let (lowers, scratch) = (self.lowers()?, self.step_dir()?);
        if let Some(archive) = copy::missing_directory(Path::new(&dir), lowers, &scratch)? {
            self.layer(&archive, &scratch)?;
        }
        self.image.config.workdir = Some(dir);
        Ok(())
    }

    fn set(&mut self, label: bool, text: &str) -> Result<()> {
        for (key, value) in words::pairs(text, &|name| self.variable(name))? {
            let config = &mut self.image.config;
            if label {
                config.labels.insert(key, value);
                continue;
            }
            let entry = format!("{key}={value}");
            let prefix = format!("{key}=");
            match config.env.iter_mut().find(|entry| entry.starts_with(&prefix)) {
                Some(old) => *old = entry,
                None => config.env.push(entry),
            }
        }
        Ok(())
    }

    /// An archive becomes a layer, by the way that a stranger's does.
    fn layer(&mut self, archive: &Path, dir: &Path) -> Result<()> {
        self.adding.layer(open_regular(archive)?, None, None)?;
        quietly(format_args!("remove {}", path(dir.display()))).run(|| fs::remove_dir_all(dir))
    }

    fn lowers(&self) -> Result<Vec<PathBuf>> {
        let found = self.adding.directories();
        if !found.is_empty() {
            return Ok(found);
        }
        let empty = self.adding.scratch().path().join("empty");
        quietly("make an empty layer").run(|| fs::create_dir_all(&empty))?;
        Ok(vec![empty])
    }

    fn step_dir(&self) -> Result<PathBuf> {
        let dir = self.adding.scratch().path().join("step");
        quietly(format_args!("make directory {}", path(dir.display())))
            .run(|| fs::create_dir(&dir))?;
        Ok(dir)
    }

    fn absolute(&self, dir: &str) -> String {
        let workdir = self.image.config.workdir.as_deref().unwrap_or("/");
        if dir.starts_with('/') {
            dir.into()
        } else {
            format!("{}/{dir}", workdir.trim_end_matches('/'))
        }
    }

    fn expand(&self, text: &str) -> Result<String> {
        words::expand(text, &|name| self.variable(name))
    }

    fn variable(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}=");
        self.image
            .config
            .env
            .iter()
            .find_map(|entry| entry.strip_prefix(&prefix))
            .map(str::to_string)
    }
}
