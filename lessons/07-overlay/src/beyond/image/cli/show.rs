//! Answers on standard output: a table for people, JSON for programs.

use std::io::{self, Write, stdout};

use ground::Result;
use ground::call::quietly;
use serde::Serialize;
use serde_json::json as object;

use crate::beyond::image::import::Imported;
use crate::beyond::image::inspect::Summary;
use crate::beyond::image::prune::Pruned;
use crate::beyond::image::store::Store;

/// Writes an answer. A reader that had enough (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    let written = match stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    };
    quietly("write to standard output").run(|| written)
}

pub fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).expect("maps have strings as keys");
    print(&format!("{text}\n"))
}

/// Columns as wide as what is in them.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.iter().map(|word| word.to_string()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row: &Vec<String>| row.get(column))
            .map(|cell: &String| cell.chars().count())
            .max()
    };
    let line = |row: &Vec<String>| {
        let cell = |(i, cell): (usize, &String)| format!("{cell:<w$}", w = width(i).unwrap_or(0));
        let line = row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

/// As people read sizes.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

pub fn imported(store: &Store, found: &[Imported], as_json: bool) -> Result<()> {
    let mut images = Vec::new();
    for Imported { image, names } in found {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let summary = store.summary(image)?;
        if !as_json {
            let (layers, size) = (summary.layers.len(), bytes(summary.size));
            print(&format!("{}  {}  {layers} layers, {size}\n", names.join(" "), image.digest))?;
        }
        images.push(object!({"names": names, "digest": image.digest, "id": summary.id}));
    }
    if as_json { json(&images) } else { Ok(()) }
}

pub fn summary(it: &Summary, as_json: bool) -> Result<()> {
    if as_json {
        return json(it);
    }
    let config = &it.config;
    let list = |words: &[String]| if words.is_empty() { "-".into() } else { format!("{words:?}") };
    let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".into());
    let rows = [
        ("digest", it.digest.to_string()),
        ("id", it.id.to_string()),
        ("platform", it.platform.clone()),
        ("created", word(&it.created)),
        ("size", bytes(it.size)),
        ("entrypoint", list(&config.entrypoint)),
        ("cmd", list(&config.cmd)),
        ("env", list(&config.env)),
        ("workdir", word(&config.workdir)),
        ("user", word(&config.user)),
    ];
    let fields =
        table(&[it.name.as_str()], rows.map(|(key, value)| vec![key.into(), value]).into_iter());
    let layer = |layer: &super::super::inspect::LayerSummary| {
        vec![
            layer.diff_id.short().into(),
            layer.chain_id.short().into(),
            bytes(layer.size),
            layer.directory.clone(),
        ]
    };
    let layers =
        table(&["LAYER", "CHAIN", "SIZE", "DIRECTORY (lowest first)"], it.layers.iter().map(layer));
    print(&format!("{fields}\n{layers}"))
}

pub fn pruned(what: &str, it: &Pruned, as_json: bool) -> Result<()> {
    if as_json {
        return json(it);
    }
    let mut text = format!(
        "{what}: {} blobs, {}; {} layers\n",
        it.blobs.len(),
        bytes(it.bytes),
        it.layers.len()
    );
    let mut tell = |count: usize, line: &str| {
        if count > 0 {
            text.push_str(&format!("{count} {line}\n"));
        }
    };
    tell(it.kept.len(), "images without a name stay: a box is made of them");
    tell(it.in_use.len(), "layers stay: a box uses them");
    tell(it.corrupt.len(), "corrupt blobs removed");
    for name in &it.broken {
        text.push_str(&format!(
            "{name} is damaged: import or pull it again, or `image rm {name}`\n"
        ));
    }
    print(&text)
}
