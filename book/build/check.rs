//! `check`: what the book says is so, as far as a program can tell.

use crate::problem::Problems;
use crate::workspace::Workspace;
use crate::{links, pages, picture};

/// Every chapter, directive and link, the README's links, and the picture of a terminal.
pub fn check(workspace: &Workspace) -> Result<(), Problems> {
    let mut problems = Problems::default();
    problems.keep(pages::load(workspace).and_then(|pages| pages::check(workspace, &pages)));
    problems.keep(links::check_readme(workspace));
    problems.keep(picture::check(workspace));
    problems.into_result()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_names_only_what_exists() {
        let problems = check(&Workspace::find().unwrap());
        assert!(problems.is_ok(), "\n{}", problems.unwrap_err());
    }
}
