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
//! | `{{#diagram clone.svg}}` | a drawing of `book/src/images`, inline, so that it takes the page's colours |
//!
//! | to … | look in |
//! | --- | --- |
//! | find the files | [`workspace`] |
//! | read chapters and replace directives | [`pages`], [`directive`] |
//! | include a region, a recording, a drawing | [`source`], [`snapshot`], [`terminal`], [`diagram`] |
//! | make tables from the ledger | [`tables`], [`ledger`], [`experiments`] |
//! | check a page | [`pasted`], [`links`] |
//! | draw the README's picture of a terminal | [`picture`] |
//! | hand all to mdbook, serve the result | [`render`], [`serve`] |
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod diagram;
mod directive;
mod experiments;
mod html;
mod ledger;
mod links;
mod pages;
mod pasted;
mod picture;
mod problem;
mod render;
mod serve;
mod snapshot;
mod source;
mod tables;
mod terminal;
mod workspace;

use std::process::{Command, ExitCode};

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
    /// Check every directive, link and picture, and write nothing
    Check,
    /// Draw the README's picture of a terminal from the recorded demo of lesson 01
    Picture,
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
        Action::Build => render::build(&workspace).map(|()| announce(&workspace)),
        Action::Serve { port } => serve::serve(&workspace, *port),
        Action::Open => {
            render::build(&workspace)?;
            let page = workspace.html().join("index.html");
            Command::new("xdg-open").arg(&page).status().map(drop).map_err(|e| {
                Problem::of(page.display(), format!("xdg-open: {e}; open it by hand")).into()
            })
        }
        Action::Check => check(&workspace),
        Action::Picture => picture::draw(&workspace),
    }
}

fn announce(workspace: &Workspace) {
    println!("{}", workspace.html().join("index.html").display());
}

fn check(workspace: &Workspace) -> Result<(), Problems> {
    let mut problems = Problems::default();
    problems.keep(pages::load(workspace).and_then(|manuscript| manuscript.check(workspace)));
    problems.keep(links::check_readme(workspace));
    problems.keep(picture::check(workspace));
    problems.into_result()
}
