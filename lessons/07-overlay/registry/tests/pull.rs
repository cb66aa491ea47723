//! `image pull` against a real registry, docker-registry of Debian, and against one that misbehaves. All on loopback.

mod registry;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use overlay::beyond::image::digest::Digest;
use overlay::beyond::image::spec::{CONFIG, Descriptor, INDEX, LAYER, MANIFEST, Platform};
use registry::{Registry, Running};
use serde_json::json;
use tar::EntryType::Regular;
use tests::archive::{Images, tar};
use tests::refusal::says;
use tests::{Scratch, eventually, program, said};

fn pull(images: &Images<'_>, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bxw-pull"));
    command.args(["--store", &images.at()]).args(args).output().unwrap()
}

#[track_caller]
fn pulled(images: &Images<'_>, name: &str) {
    let output = pull(images, &[name]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An image of one layer, and an index that names it for this machine and for another.
fn image(content: &str) -> (Registry, Digest) {
    let mut registry = Registry::default();
    let layer = tar(&[(Regular, "file", content)]);
    let layer_at = Descriptor::of(LAYER, &layer);
    let Platform { architecture, os } = Platform::here();
    let config = json!({"architecture": architecture, "os": os, "config": {"Cmd": ["/file"]},
        "rootfs": {"type": "layers", "diff_ids": [layer_at.digest]}});
    let config = config.to_string().into_bytes();
    let config_at = Descriptor::of(CONFIG, &config);
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config_at, "layers": [layer_at]});
    let manifest = manifest.to_string().into_bytes();
    let mut manifest_at = Descriptor::of(MANIFEST, &manifest);
    manifest_at.platform = Some(Platform { architecture, os });
    let mut other = Descriptor::of(MANIFEST, b"other");
    other.platform = Some(Platform { architecture: "pdp11".into(), os: "unix".into() });
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other, manifest_at]});
    let mut put = |name: String, media_type: &str, bytes: Vec<u8>| {
        registry.files.insert(format!("a/{name}"), (media_type.to_string(), bytes));
    };
    let digest = manifest_at.digest.clone();
    put(format!("blobs/{}", layer_at.digest), "application/octet-stream", layer);
    put(format!("blobs/{}", config_at.digest), "application/octet-stream", config);
    put(format!("manifests/{digest}"), MANIFEST, manifest.clone());
    put("manifests/one".into(), MANIFEST, manifest);
    put("manifests/many".into(), INDEX, index.to_string().into_bytes());
    (registry, digest)
}

#[test]
fn a_token_is_asked_for_and_an_index_is_followed() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let (mut registry, digest) = image("content");
    registry.token = Some("secret".into());
    let Running { host, requests } = registry.serve();
    pulled(&images, &format!("{host}/a:many"));
    let list = images.json(&["list"]);
    assert_eq!(
        (&list[0]["digest"], &list[0]["name"]),
        (&json!(digest), &json!(format!("{host}/a:many")))
    );
    let asked = requests.lock().unwrap().clone();
    let tokens = asked.iter().filter(|(path, _)| path.starts_with("/token?")).count();
    assert_eq!(tokens, 1, "{asked:?}");
    assert!(
        asked.iter().any(|(path, _)| path.contains("scope=repository%3Aa%3Apull")
            || path.contains("scope=repository:a:pull")),
        "{asked:?}"
    );
    pulled(&images, &format!("{host}/a@{digest}"));
    images.is_consistent();
    says(
        &pull(&images, &["--platform", "linux/none", &format!("{host}/a:many")]),
        1,
        &["no image for linux/none", "unix/pdp11"],
    );
}

#[test]
fn a_download_that_breaks_goes_on_where_it_broke() {
    let scratch = Scratch::new();
    let images = Images(&scratch);
    let (mut registry, _) = image(&"content ".repeat(50_000));
    registry.breaks_after = Some(90_000);
    let Running { host, requests } = registry.serve();
    pulled(&images, &format!("{host}/a:one"));
    let ranges: Vec<_> =
        requests.lock().unwrap().iter().filter_map(|(_, range)| range.clone()).collect();
    assert!(ranges.len() >= 3 && ranges[0] == "bytes=90000-", "{ranges:?}");
    images.is_consistent();
}

#[test]
fn what_a_registry_sends_is_checked() {
    let (good, digest) = image("content");
    let changed = |change: &dyn Fn(&mut Registry)| {
        let (mut registry, _) = image("content");
        change(&mut registry);
        registry.serve().host
    };
    let edit = |part: &'static str, from: &'static str, to: &'static str| {
        changed(&move |registry: &mut Registry| {
            for (name, (_, bytes)) in &mut registry.files {
                if name.contains(part) {
                    *bytes = String::from_utf8_lossy(bytes).replace(from, to).into_bytes();
                }
            }
        })
    };
    drop(good);
    let by_digest = format!("a@{digest}");
    for (host, name, words) in [
        (edit("blobs/", "content", "CONTENT"), "a:one", &["has the digest"][..]),
        (edit("blobs/", "content", ""), "a:one", &["of the 2048 bytes"]),
        (edit("manifests/", "schemaVersion", "schemaversion"), "a:one", &["the manifest is not"]),
        (edit("manifests/", "layer.v1.tar", "layer.v1.rar"), "a:one", &["media type"]),
        (edit("manifests/sha256", "layers", "Layers"), &by_digest, &["the registry sent"]),
        (edit("", "", ""), "a:none", &["404", "no such image"]),
        ("127.0.0.1:1".into(), "a:one", &["GET http://127.0.0.1:1", "is the registry there?"]),
    ] {
        let scratch = Scratch::new();
        let images = Images(&scratch);
        says(&pull(&images, &[&format!("{host}/{name}")]), 1, words);
        assert_eq!(images.json(&["list"]), json!([]));
        images.is_consistent();
    }
    let scratch = Scratch::new();
    for word in ["A B", "", "x:", "..."] {
        says(&pull(&Images(&scratch), &[word]), 2, &["image name"]);
    }
}

/// docker-registry on a port of its own; killed when dropped.
struct Real(Child, String);

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn real(scratch: &Scratch) -> Real {
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let root = scratch.dir("registry");
    let config = format!(
        "version: 0.1\nlog: {{ level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {root} }} }}\nhttp: {{ addr: '{host}' }}\n"
    );
    let file = scratch.file("registry.yml", config);
    let mut command = Command::new("docker-registry");
    command.args(["serve", &file]).stdout(Stdio::null()).stderr(Stdio::null());
    let real = Real(command.spawn().unwrap(), host.clone());
    eventually("the registry listens", || TcpStream::connect(&host).ok());
    real
}

#[test]
fn eight_pulls_from_a_real_registry_and_prunes_at_once() {
    if !program("docker-registry") || !program("skopeo") {
        return;
    }
    let scratch = Scratch::new();
    let source = Scratch::new();
    let made = Images(&source);
    let file = source.file("x.tar", tar(&[(Regular, "file", &"content ".repeat(100_000))]));
    made.did(&["import", "-n", "first:1", &file]);
    let context = source.dir("context");
    source.file("context/more", "more");
    let dockerfile = source.file("Dockerfile", "FROM first:1\nCOPY more /more\nCMD [\"/more\"]\n");
    let build =
        ["build", "-q", "--store", &made.at(), "-f", &dockerfile, "-t", "built:1", &context];
    let output = tests::lesson("07-overlay").args(build).output().unwrap();
    let name = if output.status.success() { "built:1" } else { "first:1" };
    let saved = source.at("saved.tar");
    made.did(&["save", name, "-o", &saved]);
    let registry = real(&scratch);
    let to = format!("docker://{}/team/image:1", registry.1);
    let copy = ["copy", "-q", "--insecure-policy", "--dest-tls-verify=false"];
    said(Command::new("skopeo").args(copy).args([&format!("oci-archive:{saved}"), &to]));

    let images = Images(&scratch);
    let word = format!("{}/team/image:1", registry.1);
    let start = |program: &mut Command| {
        let quiet = program.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().unwrap()
    };
    let mut all: Vec<_> = (0..8)
        .flat_map(|_| {
            let mut pull = Command::new(env!("CARGO_BIN_EXE_bxw-pull"));
            let mut prune = Command::new(tests::binary("07-overlay"));
            let pulling = start(pull.args(["--store", &images.at(), &word]));
            [pulling, start(prune.args(["image", "--store", &images.at(), "prune"]))]
        })
        .collect();
    assert!(all.iter_mut().all(|child| child.wait().unwrap().success()));
    images.is_consistent();
    let diff_ids = |images: &Images<'_>, name: &str| -> Vec<_> {
        let image = images.json(&["inspect", name]);
        image["layers"].as_array().unwrap().iter().map(|layer| layer["diff_id"].clone()).collect()
    };
    assert_eq!(diff_ids(&images, &word), diff_ids(&made, name));
    assert_eq!(fs::read_dir(scratch.at("store/partial")).unwrap().count(), 0);
    // By the lesson's own command, which starts the same program.
    let fresh = Scratch::new();
    Images(&fresh).did(&["pull", &word]);
    Images(&fresh).is_consistent();
}
