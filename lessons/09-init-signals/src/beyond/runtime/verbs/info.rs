//! `info` and `version`.

use clap::{ArgMatches, Parser};
use ground::Result;
use ground::cgroup::{Controller, version as cgroup_version};
use nix::sys::utsname::uname;
use serde_json::json;

use super::{arguments, say};
use crate::beyond::runtime::record::Status;
use crate::beyond::runtime::store::Store;

/// Show what there is, and on which machine
#[derive(Parser)]
#[command(name = "info")]
pub(super) struct Info {
    /// json: one object
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

/// Show the version
#[derive(Parser)]
#[command(name = "version")]
pub(super) struct Version {
    /// json: one object
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

pub(super) fn run(matches: &ArgMatches) -> Result<u8> {
    let Info { format } = arguments(matches)?;
    let store = Store::open()?;
    let boxes = store.boxes()?;
    let states: Vec<_> = boxes.iter().filter_map(|boxed| Some(boxed.look().ok()?.status)).collect();
    let count = |wanted: Status| states.iter().filter(|status| **status == wanted).count();
    let kernel = uname().map(|uname| uname.release().to_string_lossy().into_owned());
    let of = |controller| cgroup_version(controller).map_or("none", |version| version.word());
    show(
        &format,
        &[
            ("Boxes", states.len().into()),
            ("Running", count(Status::Running).into()),
            ("Paused", count(Status::Paused).into()),
            ("Stopped", (count(Status::Exited) + count(Status::Created)).into()),
            ("Directory", store.dir().display().to_string().into()),
            ("Kernel", kernel.unwrap_or_default().into()),
            ("MemoryCgroup", of(Controller::MEMORY).into()),
            ("CpuCgroup", of(Controller::CPU).into()),
            ("Version", env!("CARGO_PKG_VERSION").into()),
        ],
    )
}

pub(super) fn version(matches: &ArgMatches) -> Result<u8> {
    let Version { format } = arguments(matches)?;
    show(&format, &[("Version", env!("CARGO_PKG_VERSION").into())])
}

fn show(format: &str, rows: &[(&str, serde_json::Value)]) -> Result<u8> {
    if format == "json" {
        let map: serde_json::Map<_, _> =
            rows.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        say(json!(map))?;
        return Ok(0);
    }
    for (key, value) in rows {
        match value.as_str() {
            Some(text) => say(format_args!("{key}: {text}"))?,
            None => say(format_args!("{key}: {value}"))?,
        }
    }
    Ok(0)
}
