//! `diff`: what a box has changed in its root.

use clap::{ArgMatches, Parser};
use ground::error::Kind;
use ground::lesson::adopt_run;
use ground::needs::Need;
use ground::{Error, Result, rootless};
use overlay::beyond::diff::changes;
use overlay::flags::Root;

use super::{arguments, say};
use crate::beyond::runtime::store::Store;

/// Show what a box has added (A), changed (C) and deleted (D)
#[derive(Parser)]
#[command(name = "diff")]
pub(super) struct Diff {
    /// Name, or beginning of an ID
    #[arg(value_name = "BOX")]
    boxed: String,
}

/// Nobody has kept a list: the upper layer is the difference.
pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Diff { boxed } = arguments(matches)?;
    let boxed = Store::open()?.find(&boxed)?;
    let state = boxed.look()?;
    if state.status.lives() {
        // A box that does not stay writes to a directory of its run.
        adopt_run(&state.run)?;
    }
    if !Need::Admin.is_met() {
        // What users of the box wrote may belong to subordinate IDs of ours, and be closed to us.
        rootless::enter()?;
    }
    let (flags, _) = boxed.understand(&[], None)?;
    boxed.chdir()?;
    let source = flags.source()?;
    let Root::Layered(overlay, _) = flags.root(source.layers())? else {
        let what = format!("{} has no layers: it writes to its root itself", boxed.spec.name);
        let remedy = "only a box with --image, --layer or --overlay knows what was there before";
        return Err(Error::new(Kind::Failed, what).remedy(remedy));
    };
    let layers = overlay.layers();
    // Nobody can write to a --read-only box, and who was never started has not.
    let Some(upper) = layers.upper.as_ref().filter(|upper| upper.is_dir()) else { return Ok(0) };
    changes(upper, &layers.lowers)?.iter().try_for_each(say)?;
    Ok(0)
}
