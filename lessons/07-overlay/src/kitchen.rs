//! What the experiments with images share: a stage with a store of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ground::Result;
use ground::call::quietly;
use ground::rootfs::default_rootfs;
use ground::story::muted;
use overlay::beyond::image::build::make;
use overlay::beyond::image::import::import;
use overlay::beyond::image::pack::pack;
use overlay::beyond::image::spec::Descriptor;
use overlay::beyond::image::{ImageConfig, Limits, Reference, Store};

use crate::stage::Stage;

/// A stage, and a store in it.
pub struct Kitchen {
    store: Store,
    stage: Stage,
}

impl Kitchen {
    pub fn open(word: &str) -> Result<Kitchen> {
        let stage = Stage::enter(word)?;
        quietly("write file").run(|| {
            fs::create_dir("context").and_then(|()| fs::write("context/file", "content\n"))
        })?;
        Ok(Kitchen { store: Store::open(Some(&stage.at("store")))?, stage })
    }

    /// Makes the image `base`, with a shell.
    pub fn base(&self) -> Result<()> {
        let at = self.stage.at("base.tar");
        let file = quietly("create base.tar").run(|| File::create(&at))?;
        pack(&default_rootfs()?, file)?;
        self.import("base.tar").map(drop)
    }

    /// Imports what is at a path of the stage; a file gives the image its name.
    pub fn import(&self, from: &str) -> Result<Descriptor> {
        let name = Reference::parse(from.trim_end_matches(".tar"))?;
        let found = import(&self.store, Path::new(from), Some(&name), Limits::default())?;
        Ok(found.into_iter().next().expect("one image was named").image)
    }

    /// Builds an image, in silence; a directory with the file `file` is the context.
    pub fn build(&self, dockerfile: &str) -> Result<Descriptor> {
        let name = Reference::parse("built")?;
        let context = self.stage.at("context");
        let quiet = |_| Ok(());
        muted(|| make(&self.store, &context, dockerfile, &name, Limits::default(), quiet))
    }

    /// Its config.
    pub fn config(&self, image: &Descriptor) -> Result<ImageConfig> {
        self.store.config(&self.store.manifest(image)?)
    }

    /// Bytes of each layer's blob, the lowest first.
    pub fn sizes(&self, image: &Descriptor) -> Result<Vec<u64>> {
        Ok(self.store.manifest(image)?.layers.iter().map(|layer| layer.size).collect())
    }

    /// The directories of its layers, the lowest first.
    pub fn layers(&self, image: &Descriptor) -> Result<Vec<PathBuf>> {
        Ok(self.store.resolve(&image.digest.to_string())?.layers().to_vec())
    }

    /// Removes everything from the store.
    pub fn forget(&self, image: &Descriptor) -> Result<()> {
        self.store.remove(&image.digest.to_string()).map(drop)
    }
}
