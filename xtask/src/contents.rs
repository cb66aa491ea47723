//! What a lesson says about itself, asked from its binary: xtask depends on no lesson.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::{process, workspace};

/// What a lesson says about itself: `NN-name list --json`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Contents {
    /// `"01"`
    pub lesson: String,
    /// `"clone-pid"`
    pub name: String,
    /// The lesson's title.
    pub title: String,
    /// Its experiments, in teaching order.
    pub experiments: Vec<Experiment>,
}

/// One experiment of a lesson.
#[derive(Debug, Deserialize, Serialize)]
pub struct Experiment {
    /// The name to run it by.
    pub name: String,
    /// What it shows, in a line.
    pub title: String,
    /// `core` or `deep`.
    pub level: String,
    /// The ledger's rows it shows.
    pub claims: Vec<String>,
    /// What it cannot run without.
    pub needs: Vec<String>,
}

/// Asks a built lesson what it contains. Needs no root.
pub fn contents(binary: &Path) -> Result<Contents> {
    let text = process::stdout(Command::new(binary).args(["list", "--json"]))?;
    serde_json::from_str(&text)
        .map_err(|e| Failure::failed(format!("{} list --json: {e}", workspace::shown(binary))))
}
