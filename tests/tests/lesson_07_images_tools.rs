//! Round trips with the tools of others: they read what lesson 07 writes, and it reads what they write.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use ground::needs::Need;
use tests::archive::{Images, root_file_system};
use tests::{Scratch, binary, needs, program, said};

/// What can be seen of each file: kind and mode, owner, size, time, names in common.
fn seen(root: &Path) -> BTreeMap<String, (u32, u32, u32, u64, i64)> {
    fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, (u32, u32, u32, u64, i64)>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let meta = fs::symlink_metadata(entry.path()).unwrap();
            let name = entry.path().strip_prefix(root).unwrap().display().to_string();
            let size = if meta.is_dir() { 0 } else { meta.size() };
            // Other tools do not all keep fractions of a second.
            found.insert(name, (meta.mode(), meta.uid(), meta.gid(), size, meta.mtime()));
            if meta.is_dir() {
                walk(root, &entry.path(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn unpacked(images: &Images<'_>, name: &str) -> String {
    images.json(&["inspect", name])["layers"][0]["directory"].as_str().unwrap().to_string()
}

const NEEDS: [Need; 2] = [Need::Admin, Need::InitialRoot];

#[test]
fn a_layer_is_unpacked_as_tar_packed_it() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let file = root_file_system(&scratch);
    for (name, compress) in [("plain", None), ("gz", Some("gzip")), ("zst", Some("zstd"))] {
        let mut at = file.clone();
        if let Some(compress) = compress {
            if !program(compress) {
                continue;
            }
            at = scratch.at(&format!("root.tar.{name}"));
            said(Command::new("sh").args(["-c", &format!("{compress} -c {file} > {at}")]));
        }
        images.did(&["import", "-n", name, &at]);
        let layer = unpacked(&images, name);
        assert_eq!(seen(Path::new(&layer)), seen(Path::new(&scratch.at("root"))), "{name}");
        let inode = |file: &str| fs::metadata(format!("{layer}/{file}")).unwrap();
        assert_eq!(inode("a/file").ino(), inode("a/hard").ino());
        assert_eq!(inode("a/file").mtime_nsec(), 500_000_000);
        assert!(inode("holes").blocks() * 512 < 1 << 20, "{name}: the hole is gone");
    }
}

/// Two layers as `docker save` packs them; the second brings a file each for a directory that the first has, and for one
/// that nobody tells of.
fn two_layers(scratch: &Scratch) -> String {
    let sh =
        |script: &str| said(Command::new("sh").current_dir(scratch.at(".")).args(["-ec", script]));
    sh("umask 0; mkdir -p tree/shared tree/new; chown 7:8 tree/shared; chmod 1777 tree/shared; \
        tar -C tree -cf one.tar shared; touch tree/shared/x tree/new/x; \
        tar -C tree -cf two.tar shared/x new/x");
    let id = |name: &str| format!("\"sha256:{}\"", &sh(&format!("sha256sum {name}"))[..64]);
    let ids = [id("one.tar"), id("two.tar")].join(",");
    let config = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["#;
    scratch.file("config.json", format!("{config}{ids}]}}}}"));
    let manifest =
        r#"[{"Config":"config.json","RepoTags":["two:1"],"Layers":["one.tar","two.tar"]}]"#;
    scratch.file("manifest.json", manifest);
    sh("tar -cf saved.tar manifest.json config.json one.tar two.tar");
    scratch.at("saved.tar")
}

/// Overlayfs shows the mode and the owner of the uppermost layer's: `/tmp` would no longer be everybody's.
#[test]
fn a_directory_that_a_layer_does_not_tell_of_stays_as_it_is_below() {
    if !needs(&NEEDS) {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let (lesson, store) = (binary("07-overlay"), images.at());
    let import = ["image", "--store", &store, "import", &two_layers(&scratch)];
    let umask = "umask 077; exec \"$0\" \"$@\"";
    said(Command::new("sh").args(["-c", umask]).arg(lesson).args(import));
    let layer = images.json(&["inspect", "two:1"])["layers"][1]["directory"].clone();
    let of = |root: &str, name: &str| {
        let meta = fs::metadata(Path::new(root).join(name)).unwrap();
        (meta.mode() & 0o7777, meta.uid(), meta.gid())
    };
    let layer = layer.as_str().unwrap();
    assert_eq!([of(layer, "shared"), of(layer, "new")], [(0o1777, 7, 8), (0o755, 0, 0)]);
    if program("umoci") {
        let (layout, bundle) = (scratch.at("layout"), scratch.at("bundle"));
        images.did(&["save", "two:1", "--layout", &layout]);
        said(Command::new("umoci").args(["unpack", "--image", &format!("{layout}:1"), &bundle]));
        assert_eq!(of(&format!("{bundle}/rootfs"), "shared"), of(layer, "shared"));
    }
}

#[test]
fn umoci_reads_what_is_saved_and_is_read() {
    if !needs(&NEEDS) || !program("umoci") {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    images.did(&["import", "-n", "first:1", &root_file_system(&scratch)]);
    let layout = scratch.at("layout");
    images.did(&["save", "first:1", "--layout", &layout]);
    let bundle = scratch.at("bundle");
    said(Command::new("umoci").args(["unpack", "--image", &format!("{layout}:1"), &bundle]));
    let mut theirs = seen(Path::new(&format!("{bundle}/rootfs")));
    let mut ours = seen(Path::new(&unpacked(&images, "first:1")));
    // umoci gives a FIFO and some directories other times.
    [&mut theirs, &mut ours].into_iter().flat_map(|tree| tree.values_mut()).for_each(|it| it.4 = 0);
    assert_eq!(theirs, ours);

    said(Command::new("sh").args([
        "-ec",
        "rm $1/rootfs/a/file; echo new > $1/rootfs/new",
        "sh",
        &bundle,
    ]));
    said(Command::new("umoci").args(["repack", "--image", &format!("{layout}:2"), &bundle]));
    let config = ["config", "--image", &format!("{layout}:2"), "--config.cmd", "/bxw-probe"];
    said(Command::new("umoci").args(config));
    images.did(&["import", &layout]);
    let image = images.json(&["inspect", "layout:2"]);
    let layers = image["layers"].as_array().unwrap();
    let top = layers.last().unwrap()["directory"].as_str().unwrap();
    let gone = fs::symlink_metadata(format!("{top}/a/file")).unwrap();
    assert_eq!(
        (layers.len(), gone.rdev(), &image["config"]["Cmd"][0]),
        (2, 0, &"/bxw-probe".into())
    );
    images.is_consistent();
}

#[test]
fn skopeo_copies_what_is_saved_in_every_form() {
    if !needs(&NEEDS) || !program("skopeo") {
        return;
    }
    let scratch = Scratch::new();
    let images = Images(&scratch);
    images.did(&["import", "-n", "first:1", &root_file_system(&scratch)]);
    let saved = scratch.at("saved.tar");
    images.did(&["save", "first:1", "-o", &saved]);
    let id = images.json(&["inspect", "first:1"])["layers"][0]["diff_id"].clone();
    for (number, (from, to, at)) in [
        (format!("oci-archive:{saved}"), format!("oci:{}:x", scratch.at("a")), scratch.at("a")),
        (
            format!("docker-archive:{saved}"),
            format!("docker-archive:{}:n:x", scratch.at("b")),
            scratch.at("b"),
        ),
        (
            format!("oci:{}:first:1", images.at()),
            format!("oci-archive:{}:x", scratch.at("c")),
            scratch.at("c"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        said(Command::new("skopeo").args(["copy", "--insecure-policy", "-q", &from, &to]));
        let name = format!("again:{number}");
        images.did(&["import", "-n", &name, &at]);
        assert_eq!(images.json(&["inspect", &name])["layers"][0]["diff_id"], id, "{from}");
    }
    let zstd =
        ["copy", "--insecure-policy", "-q", "--dest-compress-format", "zstd", "--dest-compress"];
    let (from, to) = (format!("oci-archive:{saved}"), format!("oci:{}:x", scratch.at("z")));
    said(Command::new("skopeo").args(zstd).args([&from, &to]));
    images.did(&["import", "-n", "zstd:1", &scratch.at("z")]);
    assert_eq!(images.json(&["inspect", "zstd:1"])["layers"][0]["diff_id"], id);
    images.is_consistent();
}
