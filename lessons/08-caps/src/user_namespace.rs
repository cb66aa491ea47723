//! A user namespace: users of its own, and power over nothing else.

use clone_pid::beyond::write_map;
use clone_pid::{Child, Part};
use ground::Result;
use ground::needs::has_capability;
use nix::sched::CloneFlags;

use crate::maps::{self, Maps};

/// To map other groups than one's own.
const CAP_SETGID: u32 = 6;

// ANCHOR: user-namespace
/// Users and groups of its own. Whoever is 0 in it has every capability over what belongs to it, its other namespaces
/// above all, and outside is whom the map says: an ordinary user. See user_namespaces(7).
pub struct UserNamespace {
    maps: Maps,
}

impl UserNamespace {
    /// With these maps.
    ///
    /// # Errors
    /// Kind `Usage` for maps that the kernel would refuse.
    pub fn mapped(maps: Maps) -> Result<UserNamespace> {
        maps.check()?;
        Ok(UserNamespace { maps })
    }
}

impl Part for UserNamespace {
    fn namespaces(&self) -> CloneFlags {
        CloneFlags::CLONE_NEWUSER
    }

    /// From outside, while the child waits: a map is written once, by somebody who may be all the users in it. Until then
    /// the child is nobody, 65534, and could not even become root of its own box.
    fn attach(&mut self, child: &Child) -> Result<()> {
        if !has_capability(CAP_SETGID) {
            // Else it could leave a group that is *denied* something.
            write_map(child, "setgroups", "deny")?;
        }
        write_map(child, "uid_map", &maps::text(&self.maps.uids))?;
        write_map(child, "gid_map", &maps::text(&self.maps.gids))
    }
}
// ANCHOR_END: user-namespace
