//! Commands of this lesson alone: `diff` and `stack`. Those of images are the store's.

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, Parser};
use ground::call::IntoErrno;
use ground::lesson::{OwnVerb, arguments};
use ground::{Error, Result};
use overlay::beyond::diff::changes;
use overlay::beyond::image::VERBS;
use overlay::beyond::lookup::is_directory;
use overlay::beyond::picture::draw;

/// `diff` and `stack`, and the store's `image` and `build`.
pub const ALL: [OwnVerb; 4] = [
    OwnVerb { command: Diff::command, run: diff, like_run: false },
    OwnVerb { command: Stack::command, run: stack, like_run: false },
    VERBS[0],
    VERBS[1],
];

/// Say what was added (A), changed (C) and deleted (D) in an upper layer
#[derive(Parser)]
#[command(name = "diff")]
struct Diff {
    /// The upper layer: of `run --upper DIR` it is DIR/upper
    upper: PathBuf,
    /// What it lay on, the lowest first
    #[arg(required = true)]
    lower: Vec<PathBuf>,
}

fn diff(matches: &ArgMatches) -> Result<u8> {
    let Diff { upper, lower } = arguments(matches)?;
    [&upper].into_iter().chain(&lower).try_for_each(|dir| is_directory(dir))?;
    print(changes(&upper, &lower)?)
}

/// Draw layers as an overlay would show them: which file is seen from which
#[derive(Parser)]
#[command(name = "stack")]
struct Stack {
    /// The layers, the lowest first
    #[arg(required = true)]
    layer: Vec<PathBuf>,
}

fn stack(matches: &ArgMatches) -> Result<u8> {
    let Stack { layer } = arguments(matches)?;
    layer.iter().try_for_each(|dir| is_directory(dir))?;
    let title = |dir: PathBuf| {
        let name = dir.file_name().map_or("/".into(), |name| name.to_string_lossy().into_owned());
        (name, dir)
    };
    print(draw(&layer.into_iter().map(title).collect::<Vec<_>>())?)
}

fn print(lines: Vec<impl Display>) -> Result<u8> {
    let mut out = std::io::stdout().lock();
    let written = lines.iter().try_for_each(|line| writeln!(out, "{line}"));
    written.map(|()| 0).map_err(|e| Error::os("write to standard output", e.into_errno()))
}
