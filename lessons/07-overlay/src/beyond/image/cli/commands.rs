//! What each `image` command does.

use std::ffi::OsString;
use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use ground::call::{IntoErrno, quietly};
use ground::{Error, Result, interrupt};
use serde::Serialize;

use super::show::{self, print, table};
use super::{Image, Place, Verb};
use crate::beyond::image::import::import;
use crate::beyond::image::save;
use crate::beyond::image::spec::Descriptor;
use crate::beyond::image::store::{Store, locate};

pub fn perform(Image { place, verb }: Image) -> Result<u8> {
    if let Verb::Pull { words } = verb {
        return pull(&place, &words);
    }
    let store = place.open()?;
    match verb {
        Verb::Import { from, name, most, json } => {
            let found = import(&store, &from, name.as_ref(), most.limits())?;
            show::imported(&store, &found, json)
        }
        Verb::Save { images, output, layout } => {
            write(&store, &images, output.as_deref(), layout.as_deref())
        }
        Verb::List { json } => list(&store, json),
        Verb::Inspect { image, verify: false, json } => {
            show::summary(&store.summary(&store.find(&image)?)?, json)
        }
        Verb::Inspect { image, json, .. } => verify(&store, &image, json),
        Verb::Rm { images, json } => {
            let removed =
                images.iter().map(|word| store.remove(word)).collect::<Result<Vec<_>>>()?;
            removed.iter().try_for_each(|(image, pruned)| {
                show::pruned(&format!("{} removed", image.name().unwrap_or_default()), pruned, json)
            })
        }
        Verb::Prune { verify, json } => show::pruned("pruned", &store.prune(verify)?, json),
        Verb::Pull { .. } => Ok(()),
    }?;
    Ok(0)
}

#[derive(Serialize)]
struct Line {
    name: String,
    digest: String,
    id: String,
    layers: usize,
    size: u64,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn list(store: &Store, json: bool) -> Result<()> {
    let line = |image: &Descriptor| {
        let (name, digest) =
            (image.name().unwrap_or_default().to_string(), image.digest.to_string());
        match store.summary(image) {
            Ok(it) => Line {
                name,
                digest,
                id: it.id.to_string(),
                layers: it.layers.len(),
                size: it.size,
                error: None,
            },
            Err(e) => Line {
                name,
                digest,
                id: String::new(),
                layers: 0,
                size: 0,
                error: Some(e.to_string()),
            },
        }
    };
    let lines: Vec<_> = store.named()?.iter().map(line).collect();
    if json {
        return show::json(&lines);
    }
    let row = |line: &Line| {
        let last = line.error.clone().unwrap_or_else(|| show::bytes(line.size));
        vec![line.name.clone(), line.digest[7..19].into(), line.layers.to_string(), last]
    };
    print(&table(&["NAME", "DIGEST", "LAYERS", "SIZE"], lines.iter().map(row)))
}

fn write(
    store: &Store,
    words: &[String],
    output: Option<&Path>,
    layout: Option<&Path>,
) -> Result<()> {
    let images = words.iter().map(|word| store.find(word)).collect::<Result<Vec<_>>>()?;
    match (output, layout) {
        (_, Some(dir)) => save::layout(store, &images, dir),
        (Some(file), _) if file.as_os_str() == "-" => {
            if stdout().is_terminal() {
                let e = Error::usage("an archive on a terminal is of no use");
                return Err(e.remedy("name a file with --output, or a pipe"));
            }
            save::stream(store, &images, stdout().lock())
        }
        (Some(file), _) => save::save(store, &images, file),
        (None, None) => Err(Error::usage("--output or --layout is missing")),
    }
}

fn verify(store: &Store, word: &str, json: bool) -> Result<()> {
    let checked = store.verify(&store.find(word)?)?;
    let bad = checked.iter().find(|blob| blob.state != "whole");
    if json {
        show::json(&checked)?;
    } else {
        let row = |blob: &super::super::inspect::Checked| {
            vec![blob.digest.to_string(), blob.state.into()]
        };
        print(&table(&["BLOB", "STATE"], checked.iter().map(row)))?;
    }
    match bad {
        None => Ok(()),
        Some(blob) => {
            let what = format!("blob {} is {}", blob.digest, blob.state);
            let remedy = "`image prune --verify` removes what is corrupt; then import or pull the image again";
            Err(Error::new(ground::error::Kind::Failed, what).remedy(remedy))
        }
    }
}

/// The program beside this one: HTTP and TLS are heavy, and most people never need them.
fn pull(place: &Place, words: &[OsString]) -> Result<u8> {
    let ours =
        std::env::current_exe().map_err(|e| Error::os("read /proc/self/exe", e.into_errno()))?;
    let program = ours.with_file_name("bxw-pull");
    let mut command = Command::new(&program);
    let store = place.store.clone().map_or_else(locate, Ok)?;
    command.arg("--store").arg(store);
    let missing = || {
        Error::environment(format!("there is no {}", program.display()))
            .remedy("`cargo build -p image-pull` builds it: it brings an HTTP client and TLS")
    };
    if !program.exists() {
        return Err(missing());
    }
    let shown = program.display();
    let started = quietly(format_args!("execute {shown}")).run(|| command.args(words).spawn())?;
    let mut fetching = Fetching(started);
    loop {
        let ended = quietly(format_args!("wait for {shown}")).run(|| fetching.0.try_wait())?;
        match ended {
            Some(status) => return Ok(status.code().map_or(1, |code| code as u8)),
            None => interrupt::sleep(Duration::from_millis(20)),
        }
    }
}

/// Ends with this process's way out, whichever it is.
struct Fetching(Child);

impl Drop for Fetching {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
