//! Archives that nobody would make by accident, and any others: nothing outside the directory is ever touched.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

mod limits;

/// A directory beside others that must stay as they are.
struct Yard(PathBuf);

impl Yard {
    fn new() -> Yard {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let yard = std::env::temp_dir().join(format!("bxw-unpack-{}-{number}", std::process::id()));
        fs::create_dir_all(yard.join("layer")).unwrap();
        fs::create_dir(yard.join("outside")).unwrap();
        fs::write(yard.join("outside/file"), "as it was").unwrap();
        Yard(yard)
    }

    fn layer(&self) -> PathBuf {
        self.0.join("layer")
    }

    fn unpack(&self, archive: &[u8]) -> Result<()> {
        unpack(archive, &self.layer(), &[], Limits { bytes: 64 << 20, entries: 10_000 }).map(drop)
    }

    /// What is beside the layer.
    fn outside(&self) -> Vec<(PathBuf, String)> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.extend(
            fs::read_dir(self.0.join("outside")).unwrap().map(|entry| entry.unwrap().path()),
        );
        names.sort();
        names
            .into_iter()
            .map(|at| (at.clone(), fs::read_to_string(at).unwrap_or_default()))
            .collect()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let _ = super::super::store::remove_tree(&self.0);
    }
}

/// Raw: the tar crate's own checks of names would keep the interesting ones out.
fn entry(to: &mut Vec<u8>, kind: EntryType, name: &[u8], link: &[u8], data: &[u8]) {
    let mut header = Header::new_gnu();
    let old = header.as_old_mut();
    let (name, link) = (&name[..name.len().min(99)], &link[..link.len().min(99)]);
    old.name[..name.len()].copy_from_slice(name);
    old.linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(data.len() as u64);
    // A field that nobody filled in is no number.
    header.set_device_major(0).and_then(|()| header.set_device_minor(0)).unwrap();
    header.set_cksum();
    to.extend(header.as_bytes());
    to.extend(data);
    to.resize(to.len().next_multiple_of(512), 0);
}

fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (kind, name, link) in entries {
        let data: &[u8] = if *kind == EntryType::Regular { b"data" } else { b"" };
        entry(&mut out, *kind, name.as_bytes(), link.as_bytes(), data);
    }
    out.extend([0; 1024]);
    out
}

use EntryType::{Directory, Fifo, Link, Regular, Symlink};

#[test]
fn hostile_entries_are_refused_in_one_line() {
    for (entries, why) in [
        (&[(Regular, "../x", "")][..], "leads out"),
        (&[(Regular, "a/../../x", "")], "leads out"),
        (&[(Regular, "/x", "")], "absolute"),
        (&[(Symlink, "a", "../outside"), (Regular, "a/x", "")], "symbolic link that leads out"),
        (&[(Symlink, "a", "/tmp"), (Regular, "a/x", "")], "symbolic link that leads out"),
        (
            &[(Symlink, "a", "/proc/self/root"), (Regular, "a/tmp/x", "")],
            "symbolic link that leads out",
        ),
        (&[(Symlink, "a", ".."), (Link, "b", "a/outside/file")], "symbolic link that leads out"),
        (&[(Link, "b", "../outside/file")], "leads out"),
        (&[(Link, "b", "nothing")], "not there"),
        (&[(Directory, "a", ""), (Link, "b", "a")], "a directory"),
        (&[(Regular, "a", ""), (Regular, "a", "")], "twice"),
        (&[(Symlink, "a", "b"), (Directory, "a", "")], "twice"),
        (&[(Regular, "a", ""), (Regular, "a/b", "")], "not a directory"),
        (&[(Regular, "a", ""), (Regular, ".wh.a", "")], "same layer brings"),
        (&[(Regular, ".wh...", "")], "whiteout of nothing"),
        (&[(EntryType::Char, "a", "")], "0/0"),
        (&[(EntryType::new(b'V'), "a", "")], "type 'V'"),
        (&[(Symlink, "a", "")], "link to nowhere"),
        (&[(Symlink, "a", "a"), (Regular, "a/x", "")], "symbolic link"),
    ] {
        let yard = Yard::new();
        let before = yard.outside();
        let said = yard.unpack(&archive(entries)).expect_err(why).to_string();
        assert!(said.contains(why) && !said.contains('\n'), "{why}: {said}");
        assert_eq!(yard.outside(), before, "{why}");
    }
}

#[test]
fn links_within_the_layer_are_followed() {
    let yard = Yard::new();
    let entries = [
        (Directory, "usr/lib", ""),
        (Symlink, "lib", "usr/lib"),
        (Regular, "lib/x", ""),
        (Link, "y", "lib/x"),
    ];
    yard.unpack(&archive(&entries)).unwrap();
    let inode = |name: &str| fs::metadata(yard.layer().join(name)).unwrap().ino();
    assert_eq!(inode("usr/lib/x"), inode("y"));
}

#[test]
fn whiteouts_become_those_of_overlayfs() {
    let yard = Yard::new();
    yard.unpack(&archive(&[
        (Regular, "d/.wh.gone", ""),
        (Regular, "d/.wh..wh..opq", ""),
        (Regular, ".wh..wh.plnk", ""),
    ]))
    .unwrap();
    let gone = fs::symlink_metadata(yard.layer().join("d/gone")).unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    assert_eq!(fs::read_dir(yard.layer()).unwrap().count(), 1);
    let mut packed = Vec::new();
    super::super::pack::pack(&yard.layer(), &mut packed).unwrap();
    let mut names: Vec<_> = tar::Archive::new(&packed[..])
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["d", "d/.wh..wh..opq", "d/.wh.gone"].map(PathBuf::from));
}

#[test]
fn a_directory_nobody_told_of_is_as_the_layer_below_shows_it() {
    let (yard, under) = (Yard::new(), Yard::new());
    let mode = |at: &Path, mode| fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir_all(under.layer().join("a/b")).unwrap();
    mode(&under.layer().join("a"), 0o711);
    mode(&under.layer().join("a/b"), 0o1777);
    fs::create_dir(under.0.join("outside/b")).unwrap();
    mode(&under.0.join("outside/b"), 0o700);
    symlink(under.0.join("outside"), under.layer().join("link")).unwrap();
    fs::write(under.layer().join("file"), "").unwrap();
    let names = ["a/b/x", "new/x", "link/b/x", "file/x"].map(|name| (Regular, name, ""));
    let below = [under.layer()];
    unpack(&archive(&names)[..], &yard.layer(), &below, Limits::default()).unwrap();
    let of = |name: &str| fs::metadata(yard.layer().join(name)).unwrap().mode() & 0o7777;
    assert_eq!(["a", "a/b"].map(of), [0o711, 0o1777]);
    // Below, a link leads to a directory of the host: its mode is nobody's business.
    assert_eq!(["new", "link", "link/b", "file"].map(of), [0o755; 4]);
}

#[test]
fn a_long_name_times_and_holes_are_kept() {
    let yard = Yard::new();
    let name = format!("{}/{}", "d".repeat(150), "n".repeat(200));
    let mut data = vec![0; 3 << 20];
    data[0] = 1;
    *data.last_mut().unwrap() = 1;
    let mut tar = Builder::new(Vec::new());
    tar.append_pax_extensions([("mtime", &b"1700000000.25"[..])]).unwrap();
    let mut header = Header::new_gnu();
    header.set_mode(0o4711);
    header.set_size(data.len() as u64);
    tar.append_data(&mut header, &name, &data[..]).unwrap();
    yard.unpack(&tar.into_inner().unwrap()).unwrap();
    let at = yard.layer().join(&name);
    let meta = fs::metadata(&at).unwrap();
    assert_eq!(
        (meta.mtime(), meta.mtime_nsec(), meta.mode() & 0o7777),
        (1_700_000_000, 250_000_000, 0o4711)
    );
    assert!(meta.blocks() * 512 < 1 << 20, "{} blocks", meta.blocks());
    assert_eq!(fs::read(&at).unwrap(), data);
}

/// Names from few letters, so that they meet; links that lead anywhere.
fn any_entry() -> impl Strategy<Value = (u8, String, String)> {
    let name = "(\\.\\./|/|\\./)?(a|b|\\.wh\\.a|\\.wh\\.\\.wh\\.\\.opq|\\.\\.|\\.)(/(a|b|\\.wh\\.b|\\.\\.|outside|file)){0,3}/?";
    let link = "(\\.\\./|/){0,3}(a|b|outside|outside/file|tmp|proc/self/root|\\.)(/(a|b|file))?";
    let kinds = prop::sample::select(b"0125670SLKxgV".to_vec());
    (kinds, name, link)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever is in an archive, and whether it is refused or not.
    #[test]
    fn nothing_outside_is_touched(entries in prop::collection::vec(any_entry(), 0..12), cut in 0usize..2000) {
        let yard = Yard::new();
        symlink("/nowhere", yard.0.join("outside/link")).unwrap();
        let before = yard.outside();
        let mut bytes = Vec::new();
        for (kind, name, link) in &entries {
            let data: &[u8] = if *kind == b'0' { b"data" } else { b"" };
            entry(&mut bytes, EntryType::new(*kind), name.as_bytes(), link.as_bytes(), data);
        }
        bytes.extend([0; 1024]);
        // Some archives end in the middle.
        if cut < 500 {
            bytes.truncate(bytes.len().saturating_sub(cut));
        }
        if let Err(e) = yard.unpack(&bytes) {
            prop_assert!(!e.to_string().contains('\n'), "{e}");
        }
        prop_assert_eq!(yard.outside(), before);
        prop_assert!(is_within(&yard.layer()));
    }

    /// Bytes that are no archive at all.
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let yard = Yard::new();
        let before = yard.outside();
        let _ = yard.unpack(&bytes);
        prop_assert_eq!(yard.outside(), before);
    }
}

/// Only hard links could make something of the layer be something else, too.
fn is_within(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().all(|entry| {
        let at = entry.unwrap().path();
        let meta = fs::symlink_metadata(&at).unwrap();
        let shared = meta.nlink() > 1 && fs::read(&at).is_ok_and(|text| text == b"as it was");
        !shared && (!meta.is_dir() || is_within(&at))
    })
}

#[test]
fn fifos_are_made_and_not_opened() {
    let yard = Yard::new();
    yard.unpack(&archive(&[(Fifo, "f", "")])).unwrap();
    assert!(fs::metadata(yard.layer().join("f")).unwrap().file_type().is_fifo());
}
