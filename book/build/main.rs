//! Builds the book, which contains no pasted code and no typed output.
//!
//! A chapter in `book/src` is Markdown in which a line of its own may hold a directive. The directive is replaced by
//! what it names, and the build fails when there is nothing under that name.
//!
//! | directive | becomes |
//! | --- | --- |
//! | `{{#source lessons/01-clone-pid/src/lib.rs:pid-namespace}}` | the region between the anchors; without `:…` the file |
//! | `{{#output 01/demo}}`, `{{#output 01/demo from "a" to "b"}}` | recorded output, or some lines of it |
//! | `{{#help 01 run}}` | the recorded help text of a subcommand |
//! | `{{#experiments 01}}` | the experiments of a lesson, from its recorded `list --json` |
//! | `{{#claims 01}}`, `{{#myths 01}}` | the ledger's rows of a lesson; those that are not simply true |
//! | `{{#ledger}}`, `{{#tally}}`, `{{#needs}}` | the whole ledger, its sums, what experiments need |
//! | `{{#chart 04/cpu}}` | the samples of a demo, drawn |
//! | `{{#bench start}}`, `{{#bench aims}}` | figures of `book/bench.json`, drawn or as a table; see [`bench`] |
//! | `{{#trace}}`, `{{#trace phases}}` | the run of `book/trace.tsv`, drawn or counted; see [`trace`] |
//! | `{{#diagram clone.svg}}` | a drawing of `book/src/images`, inline, so that it takes the page's colours |
//!
//! | to … | look in |
//! | --- | --- |
//! | find the files | [`workspace`] |
//! | read chapters and replace directives | [`pages`], [`directive`] |
//! | include a region, a recording, a drawing | [`source`], [`comments`], [`snapshot`], [`terminal`], [`diagram`] |
//! | make tables from the ledger | [`tables`], [`ledger`], [`experiments`] |
//! | find the chapters, parse one | [`summary`], [`markdown`] |
//! | draw a chart of recorded samples | [`chart`]; with the feature `render` `draw` |
//! | draw what `cargo xtask bench` and `cargo xtask trace` have recorded | [`bench`], [`trace`] |
//! | check a page, check everything | [`pasted`], [`links`], [`mod@check`] |
//! | draw the README's picture of a terminal | [`picture`] |
//! | hand all to mdbook, serve the result; with the feature `render` only | `render`, `serve` |
//!
//! `cargo xtask test` runs `check` as a test of this package, without mdbook.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod chart;
mod check;
mod comments;
mod diagram;
mod directive;
#[cfg(feature = "render")]
mod draw;
mod experiments;
mod html;
mod ledger;
mod links;
mod markdown;
mod pages;
mod pasted;
mod picture;
mod problem;
#[cfg(feature = "render")]
mod render;
#[cfg(feature = "render")]
mod serve;
mod snapshot;
mod source;
mod summary;
mod tables;
mod terminal;
mod trace;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::{Problem, Problems};
use crate::workspace::Workspace;

/// Builds the book
#[derive(Parser)]
#[command(name = "boxwright-book")]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    #[command(flatten)]
    Rendered(Rendered),
    /// Check every directive, link and picture, and write nothing
    Check,
    /// Draw the README's picture of a terminal from the recorded demo of lesson 01
    Picture,
}

/// What takes mdbook.
#[derive(Subcommand)]
enum Rendered {
    /// Build the book into book/html
    Build,
    /// Build it, and serve it on this machine; a page is rebuilt when its sources change
    Serve {
        /// Port on 127.0.0.1
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Build it, and open it in a browser
    Open,
}

fn main() -> ExitCode {
    match perform(&Cli::parse().action) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            eprint!("{problems}");
            ExitCode::FAILURE
        }
    }
}

fn perform(action: &Action) -> Result<(), Problems> {
    let workspace = Workspace::find()?;
    match action {
        Action::Rendered(rendered) => render(&workspace, rendered),
        Action::Check => check::check(&workspace),
        Action::Picture => picture::draw(&workspace),
    }
}

#[cfg(feature = "render")]
fn render(workspace: &Workspace, rendered: &Rendered) -> Result<(), Problems> {
    if let Rendered::Serve { port } = rendered {
        return serve::serve(workspace, *port);
    }
    render::build(workspace)?;
    let page = render::html(workspace).join("index.html");
    if let Rendered::Build = rendered {
        println!("{}", page.display());
        return Ok(());
    }
    let opened = std::process::Command::new("xdg-open").arg(&page).status();
    let failed = |e| Problem::of(page.display(), format!("xdg-open: {e}; open it by hand"));
    Ok(opened.map(drop).map_err(failed)?)
}

#[cfg(not(feature = "render"))]
fn render(_: &Workspace, _: &Rendered) -> Result<(), Problems> {
    let message = "built without the feature render; cargo xtask book builds with it";
    Err(Problem::of("boxwright-book", message).into())
}
