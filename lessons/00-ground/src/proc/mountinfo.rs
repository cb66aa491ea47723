//! `/proc/PID/mountinfo`, see proc_pid_mountinfo(5).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::{Malformed, lines};

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Unique among the living mounts.
    pub id: u32,
    /// The mount on which this one stands.
    pub parent: u32,
    /// `major:minor` of the file system.
    pub device: String,
    /// The directory of the file system that is the root of this mount; `/` unless it is a bind mount.
    pub root: PathBuf,
    /// Where it stands, relative to the process's root directory.
    pub point: PathBuf,
    /// Options of this mount: `ro`, `nosuid` …
    pub options: Vec<String>,
    /// Propagation: `shared:N`, `master:N`, `propagate_from:N`, `unbindable`; empty when private.
    pub propagation: Vec<String>,
    /// File system type.
    pub kind: String,
    /// What was mounted: a device, or a word.
    pub source: String,
    /// Options of the file system.
    pub super_options: Vec<String>,
}

impl Mount {
    /// The peer group to which mounts below this one propagate, if it is shared.
    pub fn peer_group(&self) -> Option<u32> {
        self.propagation.iter().find_map(|tag| tag.strip_prefix("shared:")?.parse().ok())
    }

    /// Its propagation in mount(8)'s words.
    pub fn propagation_word(&self) -> &'static str {
        let has = |prefix: &str| self.propagation.iter().any(|tag| tag.starts_with(prefix));
        match (has("shared:"), has("master:"), has("unbindable")) {
            (true, true, _) => "slave and shared",
            (true, false, _) => "shared",
            (false, true, _) => "slave",
            (false, false, true) => "unbindable",
            (false, false, false) => "private",
        }
    }
}

/// The mount that a walk from the root to `point` ends on, when it is one's root directory. Several may stand on one
/// point, or below one that is hidden itself; and the order of the file does not tell, for since Linux 6.8 it is that of
/// their making, and a mount may be made long before it is attached.
pub fn topmost<'a>(mounts: &'a [Mount], point: &Path) -> Option<&'a Mount> {
    let is_root = |mount: &Mount| mounts.iter().all(|other| other.id != mount.parent);
    let mut here: Option<&Mount> = None;
    loop {
        let stands_here =
            |mount: &&Mount| here.map_or_else(|| is_root(mount), |here| mount.parent == here.id);
        let on_the_way = mounts.iter().filter(stands_here).filter(|m| point.starts_with(&m.point));
        match on_the_way.min_by_key(|mount| mount.point.components().count()) {
            Some(next) if here.is_none_or(|here| here.id != next.id) => here = Some(next),
            _ => return here.filter(|here| here.point == point),
        }
    }
}

/// Parses the whole file.
pub fn parse(text: &str) -> Result<Vec<Mount>, Malformed> {
    lines(text, mount)
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn mount(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ');
    let mut next = || fields.next();
    let (id, parent) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let device = next()?.to_string();
    let (root, point) = (path(next()?), path(next()?));
    let options = list(next()?);
    let mut propagation = Vec::new();
    loop {
        match fields.next()? {
            "-" => break,
            tag => propagation.push(tag.to_string()),
        }
    }
    let kind = fields.next()?.to_string();
    let source = path(fields.next()?).to_string_lossy().into_owned();
    let super_options = list(fields.next().unwrap_or(""));
    Some(Mount {
        id,
        parent,
        device,
        root,
        point,
        options,
        propagation,
        kind,
        source,
        super_options,
    })
}

fn list(field: &str) -> Vec<String> {
    field.split(',').map(Into::into).collect()
}

/// The kernel writes space, tab, newline and backslash in a path as `\040`, `\011`, `\012`, `\134`.
fn path(field: &str) -> PathBuf {
    let bytes = field.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let octal = field.get(i + 1..i + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (bytes[i], octal) {
            (b'\\', Some(byte)) => {
                out.push(byte);
                i += 4;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    OsString::from_vec(out).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_man_page() {
        let line =
            "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n";
        let mount = parse(line).unwrap().remove(0);
        assert_eq!((mount.id, mount.parent), (36, 35));
        assert_eq!(mount.point, PathBuf::from("/mnt2"));
        assert_eq!(mount.propagation_word(), "slave");
        assert_eq!(mount.kind, "ext3");
    }

    #[test]
    fn shared_has_a_peer_group() {
        let mount = parse("1 1 0:1 / / rw shared:7 - tmpfs tmpfs rw\n").unwrap().remove(0);
        assert_eq!(mount.peer_group(), Some(7));
    }

    #[test]
    fn topmost_is_where_a_walk_from_the_root_ends() {
        // The copy of /dev/pts stands on the /dev that is hidden; the host's /sys was attached last and made first.
        let table = [(1, 0, "/"), (2, 1, "/dev"), (3, 2, "/dev/pts"), (4, 2, "/dev")];
        let table = table.into_iter().chain([(5, 4, "/dev/pts"), (6, 7, "/sys"), (7, 1, "/sys")]);
        let line = |(id, parent, at)| format!("{id} {parent} 0:{id} / {at} rw - tmpfs tmpfs rw\n");
        let mounts = parse(&table.map(line).collect::<String>()).unwrap();
        let id = |point: &str| topmost(&mounts, Path::new(point)).map(|mount| mount.id);
        assert_eq!([id("/dev"), id("/dev/pts"), id("/sys")], [Some(4), Some(5), Some(6)]);
        assert_eq!([id("/"), id("/proc"), id("/dev/null")], [Some(1), None, None]);
    }

    #[test]
    fn a_line_without_its_dash_is_malformed() {
        assert!(parse("1 1 0:1 / / rw tmpfs tmpfs rw\n").is_err());
        assert!(parse("\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn any_path_survives_the_kernels_escaping(name in "[a-zé+0-9 \\t\\n\\\\]{1,40}") {
            let escape = |c: char| match c {
                ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", c as u32),
                c => c.to_string(),
            };
            let escaped: String = name.chars().map(escape).collect();
            prop_assert_eq!(path(&escaped), PathBuf::from(name));
        }
    }
}
