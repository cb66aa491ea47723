//! Whiteouts: how a layer says that something below it is gone, and how overlayfs does.
//!
//! | in the archive | on the disk | meaning |
//! | --- | --- | --- |
//! | an empty file `.wh.NAME` | a character device 0/0 `NAME` | the `NAME` of the layers below is gone |
//! | `.wh..wh..opq` in a directory | attribute `overlay.opaque` = `y` of the directory | nothing below shines through |
//!
//! Everybody may make the device 0/0 (Linux 5.8). The attribute is in the space `trusted` for root; who mounts in a user
//! namespace mounts with `userxattr`, and overlayfs looks in `user`.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ground::Result;
use ground::call::quietly;
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, mknodat};

use super::tree::{NO_ROOM, Place};
use super::{Unpacker, refused, shown};
use crate::beyond::image::store::overlay_xattr;
use crate::sys;

/// What a name that begins with `.wh.` stands for.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Something is gone.
    Gone(&'a OsStr),
    /// The directory hides what is below it.
    Opaque,
    /// The archive's own bookkeeping, from AUFS.
    Nothing,
}

impl Mark<'_> {
    pub fn of(path: &Path) -> Result<Option<Mark<'_>>> {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let Some(rest) = name.strip_prefix(b".wh.") else { return Ok(None) };
        Ok(Some(match rest {
            b".wh..opq" => Mark::Opaque,
            rest if rest.starts_with(b".wh.") => Mark::Nothing,
            b"" | b"." | b".." => return Err(refused(path, "is a whiteout of nothing")),
            rest => Mark::Gone(OsStr::from_bytes(rest)),
        }))
    }
}

impl Unpacker<'_> {
    pub(super) fn white_out(&mut self, path: &Path, mark: Mark<'_>) -> Result<()> {
        match mark {
            Mark::Nothing => Ok(()),
            Mark::Opaque => {
                let place = self.tree.place(path)?;
                make_opaque(&Place { name: OsStr::new("."), ..place }, path)
            }
            Mark::Gone(name) => {
                let place = Place { name, ..self.tree.place(path)? };
                let made = quietly(format_args!("unpack whiteout {}", shown(path)))
                    .hint(Errno::ENOSPC, NO_ROOM)
                    .run(|| mknodat(&place.parent, name, SFlag::S_IFCHR, Mode::empty(), 0));
                match made {
                    Err(e) if e.errno() == Some(Errno::EEXIST) => {
                        Err(refused(path, "is a whiteout of what the same layer brings"))
                    }
                    other => other,
                }
            }
        }
    }
}

fn make_opaque(place: &Place<'_>, path: &Path) -> Result<()> {
    let name = CString::new(overlay_xattr("opaque")).expect("it has no NUL byte");
    quietly(format_args!("set overlay.opaque for {}", shown(path)))
        .hint(
            Errno::EOPNOTSUPP,
            "the store is on a file system without such attributes; use --store",
        )
        .run(|| sys::set_attribute(place.path().as_c_str(), &name, b"y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whiteout_is_known_by_its_name() {
        let mark = |name: &'static str| Mark::of(Path::new(name)).unwrap();
        assert_eq!(mark("a/.wh.b"), Some(Mark::Gone(OsStr::new("b"))));
        assert_eq!(mark("a/.wh..wh..opq"), Some(Mark::Opaque));
        assert_eq!(mark(".wh..wh.plnk"), Some(Mark::Nothing));
        assert_eq!((mark("a/b"), mark(".wh.x/b"), mark("")), (None, None, None));
        for name in [".wh.", ".wh..", ".wh..."] {
            assert!(Mark::of(Path::new(name)).is_err(), "{name}");
        }
    }
}
