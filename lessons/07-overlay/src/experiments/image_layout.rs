//! An image written by hand.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use ground::Result;
use ground::call::quietly;
use ground::lesson::{Experiment, Findings, Level};
use ground::needs::Need;
use ground::story::{conclude, evidence, step};
use ground::text::{name, size};
use overlay::beyond::image::spec::{CONFIG, Descriptor, INDEX, LAYER, MANIFEST};
use serde_json::json;
use tar::{Builder, Header};

use crate::kitchen::Kitchen;

pub const EXPERIMENT: Experiment = Experiment {
    name: "image-layout",
    title: "an image is layers, a config, a manifest and an index: four kinds of files, each named by its digest",
    level: Level::Deep,
    claims: &["C185"],
    needs: &[Need::Admin, Need::Overlay],
    run,
};

fn run(findings: &mut Findings) -> Result<()> {
    let kitchen = Kitchen::open("image-layout")?;
    step("Two layers by hand: one with files, one that takes one of them away");
    let lower = archive(&[("kept", "of the first"), ("gone", "of the first")])?;
    let upper = archive(&[(".wh.gone", ""), ("new", "of the second")])?;
    let layers = [blob(LAYER, &lower)?, blob(LAYER, &upper)?];

    step(
        "A config that tells of them, a manifest that points to all three, an index that points to it",
    );
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.digest.clone()).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/new"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = blob(CONFIG, config.to_string().as_bytes())?;
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
    let manifest = blob(MANIFEST, manifest.to_string().as_bytes())?;
    write("layout/oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]});
    write("layout/index.json", index.to_string().as_bytes())?;
    evidence("layout/", names("layout".as_ref())?.join(", "));

    step("Read it: every digest is computed again, each layer becomes a directory");
    let image = kitchen.import("layout")?;
    let directories = kitchen.layers(&image)?;
    for (number, directory) in directories.iter().enumerate() {
        evidence(format!("layer {}", number + 1), names(directory)?.join(", "));
    }
    let gone = directories.get(1).map(|dir| fs::symlink_metadata(dir.join("gone")));
    let is_whiteout = |meta: &fs::Metadata| meta.file_type().is_char_device() && meta.rdev() == 0;
    let stacked = directories.len() == 2 && matches!(&gone, Some(Ok(meta)) if is_whiteout(meta));
    evidence("layer 2, gone", if stacked { "a character device 0:0" } else { "something else" });
    if stacked {
        conclude(
            ".wh.gone has become a whiteout of overlayfs: the directories can be stacked as they are",
        );
    }

    step("One byte of the first layer is changed");
    let at = format!("layout/blobs/sha256/{}", layers[0].digest.hex());
    let mut bytes = lower.clone();
    bytes[600] ^= 1;
    write(&at, &bytes)?;
    kitchen.forget(&image)?;
    let said = kitchen.import("layout").err().map(|e| e.to_string()).unwrap_or_default();
    evidence(
        "import",
        if said.contains("has the digest") { "refused: the digest is another" } else { "done" },
    );
    findings.holds("C185", stacked && said.contains("has the digest"));
    Ok(())
}

/// Writes a blob of the layout, tells it, and returns what points to it.
fn blob(media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
    let descriptor = Descriptor::of(media_type, bytes);
    write(&format!("layout/blobs/sha256/{}", descriptor.digest.hex()), bytes)?;
    let kind = media_type.trim_start_matches("application/vnd.oci.image.");
    evidence(format!("{kind}, {} bytes", size(bytes.len())), name(descriptor.digest.short()));
    Ok(descriptor)
}

/// What is in a directory, sorted.
fn names(dir: &Path) -> Result<Vec<String>> {
    let list =
        || fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().display().to_string())).collect();
    let mut names: Vec<String> =
        quietly(format_args!("list {}", dir.display())).run(|| -> std::io::Result<_> { list() })?;
    names.sort();
    Ok(names)
}

fn write(at: &str, bytes: &[u8]) -> Result<()> {
    quietly(format_args!("write {at}")).run(|| {
        fs::create_dir_all(Path::new(at).parent().unwrap_or(Path::new(".")))?;
        fs::write(at, bytes)
    })
}

/// A tar archive of small files.
fn archive(files: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let append = |(name, content): &(&str, &str)| {
        let mut header = Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes())
    };
    let appended = files.iter().try_for_each(append);
    quietly("write a tar archive").run(|| appended.and_then(|()| tar.into_inner()))
}
