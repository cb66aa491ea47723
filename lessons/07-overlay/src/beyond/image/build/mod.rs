//! `build`: the part of the Dockerfile language that shows what layers are. FROM, RUN, COPY, ENV, WORKDIR, USER, LABEL,
//! ENTRYPOINT and CMD; whatever else is refused before anything is done.
//!
//! | instruction | what happens |
//! | --- | --- |
//! | `RUN` | a box of the lessons' parts, over the layers so far; what it wrote to the upper layer is the new layer |
//! | `COPY` | an archive of the files is the new layer; nothing runs |
//! | `WORKDIR` | a layer with one directory, if it is missing |
//! | the others | the config is changed; of `CMD` and `ENTRYPOINT` the last one counts |
//!
//! There is no cache: every build does everything. With `SOURCE_DATE_EPOCH` no time is later than that, and the same
//! input gives the same image as far as its commands do.

mod copy;
mod ignore;
mod parse;
mod run;
mod state;
mod target;
mod time;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use ground::call::quietly;
use ground::error::Kind;
use ground::text::path;
use ground::{Error, Result};
use nix::errno::Errno;

use super::cli::{Most, Place, print};
use super::reference::{Reference, Version};
use super::spec::Descriptor;
use super::store::Store;
use super::unpack::Limits;
use parse::Step;
use state::State;

/// Build an image from a Dockerfile
#[derive(Parser)]
#[command(name = "build")]
pub struct Build {
    /// The Dockerfile; DIR/Dockerfile when left out
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What to call the image; the name of DIR when left out
    #[arg(long, short, value_name = "NAME[:TAG]", value_parser = Reference::parse)]
    tag: Option<Reference>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    most: Most,
    /// Say only the digest of the image
    #[arg(long, short)]
    quiet: bool,
    /// The directory that COPY takes files from
    dir: PathBuf,
}

/// Builds.
pub fn perform(build: Build) -> Result<u8> {
    let dir = quietly(format_args!("open {}", path(build.dir.display())))
        .hint(Errno::ENOENT, "DIR is the directory that COPY takes files from")
        .run(|| build.dir.canonicalize())?;
    let name = match &build.tag {
        Some(name) => name.clone(),
        None => name_of(&dir)?,
    };
    if matches!(name.version, Version::Digest(_)) {
        return Err(Error::usage("an image is built before it has a digest; give it a tag"));
    }
    let file = build.file.clone().unwrap_or_else(|| dir.join("Dockerfile"));
    let text = quietly(format_args!("read {}", path(file.display())))
        .hint(Errno::EILSEQ, "it is not UTF-8")
        .run(|| fs::read_to_string(&file))?;
    let store = build.place.open()?;
    let tell = |line: String| if build.quiet { Ok(()) } else { print(&line) };
    let image = make(&store, &dir, &text, &name, build.most.limits(), tell)?;
    let digest = &image.digest;
    print(&if build.quiet { format!("{digest}\n") } else { format!("{name}  {digest}\n") })?;
    Ok(0)
}

/// Builds what `text` says from the files of `context`, and names it. Each step is told before it is done.
pub fn make(
    store: &Store,
    context: &Path,
    text: &str,
    name: &Reference,
    limits: Limits,
    tell: impl Fn(String) -> Result<()>,
) -> Result<Descriptor> {
    let steps = parse::parse(text)?;
    // Held to the end: what is published and not yet named must not be pruned.
    let _lock = store.share()?;
    let mut state = State::begin(store, context, limits)?;
    for (number, step) in steps.iter().enumerate() {
        tell(format!("step {}/{}: {}\n", number + 1, steps.len(), step.text))?;
        state.perform(step).map_err(|e| at(step, e))?;
    }
    let image = state.finish()?;
    store.name(&image, name)?;
    Ok(image)
}

fn name_of(dir: &Path) -> Result<Reference> {
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_lowercase();
    Reference::parse(&name).map_err(|e| e.remedy("name the image with --tag"))
}

/// Which line it was.
fn at(step: &Step, e: Error) -> Error {
    let kind = if e.status() == 2 { Kind::Usage } else { Kind::Failed };
    Error::new(kind, format!("Dockerfile line {}: {e}", step.line))
}

/// A line of the Dockerfile that cannot be done.
fn wrong(line: usize, what: impl std::fmt::Display) -> Error {
    Error::usage(format!("Dockerfile line {line}: {what}"))
}
