//! `diff`: what a box has changed in its root.

use std::path::PathBuf;

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
    let lives = state.status.lives();
    // A limit without quotas is a tmpfs, which is mounted for the monitor alone.
    let of_monitor =
        |upper: &PathBuf| PathBuf::from(format!("/proc/{}/root{}", state.monitor, upper.display()));
    let seen_by_monitor = layers.upper.iter().filter(|_| lives).map(of_monitor);
    match layers.upper.iter().cloned().chain(seen_by_monitor).find(|upper| upper.is_dir()) {
        Some(upper) => changes(&upper, &layers.lowers)?.iter().try_for_each(say)?,
        None if flags.storage_opt.is_some() && state.started != 0 => {
            let where_now = if lives { "nobody but its monitor sees that" } else { "it is gone" };
            let what = format!("what {} wrote is in memory: --storage-opt", boxed.spec.name);
            return Err(Error::new(Kind::Failed, what).remedy(where_now));
        }
        // Nobody can write to a --read-only box, and who was never started has not.
        None => {}
    }
    Ok(0)
}
