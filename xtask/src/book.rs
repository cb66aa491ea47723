//! `cargo xtask book`: the book is built by a package of its own, with a feature of its own, so that
//! only whoever wants the book compiles mdbook.

use crate::failure::Result;
use crate::{artifacts, process, workspace};

/// Builds the book, and serves or opens it if asked.
pub fn book(serve: bool, open: bool) -> Result<()> {
    let action = match (serve, open) {
        (true, _) => "serve",
        (_, true) => "open",
        _ => "build",
    };
    let mut build = artifacts::cargo("build");
    build.args(["--quiet", "--package", "book", "--features", "render"]);
    process::succeed(process::status(&mut build)?)?;
    let mut command = std::process::Command::new(workspace::bin_dir().join("boxwright-book"));
    command.arg(action).current_dir(workspace::root());
    Err(process::exec(command))
}
