//! Archives and images that a test makes by hand, byte by byte: no tool would write some of them.

use std::fs;
use std::process::Command;

use tar::{EntryType, Header};

use crate::{Scratch, lesson, said};

/// An entry: its kind, its name, and a link's target or a file's content.
pub type Entry<'a> = (EntryType, &'a str, &'a str);

/// A tar archive.
pub fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, name, rest) in entries {
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let (link, data) = if is_link { (*rest, "") } else { ("", *rest) };
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(if *kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        header.set_size(data.len() as u64);
        header.set_device_major(0).and_then(|()| header.set_device_minor(0)).expect("GNU has them");
        header.set_cksum();
        out.extend(header.as_bytes());
        out.extend(data.as_bytes());
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend([0; 1024]);
    out
}

/// A store of the test's own, and the command line of lesson 07 on it.
pub struct Images<'a>(pub &'a Scratch);

impl Images<'_> {
    /// Where it is.
    pub fn at(&self) -> String {
        self.0.at("store")
    }

    /// `image ARGS… --store STORE`.
    pub fn image(&self, args: &[&str]) -> assert_cmd::Command {
        let mut command = lesson("07-overlay");
        command.arg("image").args(["--store", &self.at()]).args(args);
        command
    }

    /// The same; it has to succeed. Returns what it printed.
    #[track_caller]
    pub fn did(&self, args: &[&str]) -> String {
        let output = self.image(args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "image {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with `--json`.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.did(&[args, &["--json"]].concat())).expect("it is JSON")
    }

    /// Builds a Dockerfile over files of the directory `context`.
    pub fn build(&self, dockerfile: &str, tag: &str) -> std::process::Output {
        let context = self.0.dir("context");
        let file = self.0.file("Dockerfile", dockerfile);
        let args = ["build", "--store", &self.at(), "-f", &file, "-t", tag, &context];
        lesson("07-overlay").args(args).output().unwrap()
    }

    /// Nothing half-made is in the store, and every image is whole.
    #[track_caller]
    pub fn is_consistent(&self) {
        let tmp = fs::read_dir(self.0.at("store/tmp")).unwrap().count();
        assert_eq!(tmp, 0, "something half-made is left");
        for image in self.json(&["list"]).as_array().unwrap() {
            let name = image["name"].as_str().unwrap();
            self.did(&["inspect", "--verify", name]);
            for layer in self.json(&["inspect", name])["layers"].as_array().unwrap() {
                let directory = layer["directory"].as_str().unwrap();
                assert!(std::path::Path::new(directory).is_dir(), "{directory} of {name}");
            }
        }
    }
}

/// A root file system with what is easily lost: owners, set-user-ID, links, holes, times, attributes, long names.
pub fn root_file_system(scratch: &Scratch) -> String {
    scratch.image("root");
    said(Command::new("truncate").args(["-s", "3M", &scratch.at("root/holes")]));
    said(Command::new("sh").args(["-c", &format!("echo end >> {}", scratch.at("root/holes"))]));
    plain_file_system(scratch)
}

/// The same without a hole: podman 4.3 cannot save a layer again in whose archive there is one.
pub fn plain_file_system(scratch: &Scratch) -> String {
    if !fs::exists(scratch.at("root")).unwrap() {
        scratch.image("root");
    }
    let script = "cd $1 && mkdir -p a/b etc var/empty && echo text > a/file && ln a/file a/hard && ln -s ../etc a/link \
        && chmod 4755 a/file && chown 12:34 a/b && chmod 1777 a/b && true \
        && touch -d @1000000000.5 a/file && echo box:x:1000:1000::/:/bin/sh > etc/passwd && mkfifo a/fifo \
        && n=$(printf 'x%.0s' $(seq 200)) && mkdir -p a/$n && echo deep > a/$n/$n && chmod 555 var/empty";
    said(Command::new("sh").args(["-ec", script, "sh", &scratch.at("root")]));
    let (root, file) = (scratch.at("root"), scratch.at("root.tar"));
    said(Command::new("tar").args([
        "-C",
        &root,
        "--sort=name",
        "--format=pax",
        "--xattrs",
        "-Scf",
        &file,
        ".",
    ]));
    file
}
