//! IDs that an ordinary user may map beside its own: `/etc/subuid` and `/etc/subgid`, see subuid(5).
//!
//! The kernel lets an ordinary user map only itself. newuidmap(1) and newgidmap(1) are set-user-ID programs of the `shadow`
//! package: they write more into a map, as far as root has said in those files that this user may.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use nix::unistd::{Gid, Uid, User};

use crate::call::{IntoErrno, doing, quietly};
use crate::error::{Error, Kind, Result};
use crate::proc::idmap::IdMap;

/// What a map of the two kinds needs.
const PROGRAMS: [(&str, &str); 2] = [("newuidmap", "/etc/subuid"), ("newgidmap", "/etc/subgid")];

/// The ranges of one user in the text of `/etc/subuid`: lines `USER:FIRST:COUNT`, the user by name or number.
pub fn ranges(text: &str, uid: Uid, name: Option<&str>) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    let of_user = |line: &str| {
        let mut fields = line.trim().split(':');
        let user = fields.next()?;
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let ours = user == number || Some(user) == name;
        (ours && count > 0 && fields.next().is_none()).then_some((first, count))
    };
    text.lines().filter_map(of_user).collect()
}

/// The user itself is 0, and its subordinate IDs are 1 and what follows.
pub fn map(own: u32, ranges: &[(u32, u32)]) -> Vec<IdMap> {
    let mut maps = vec![IdMap { inside: 0, outside: own, length: 1 }];
    for (first, count) in ranges {
        let last = maps[maps.len() - 1];
        let inside = last.inside.saturating_add(last.length);
        maps.push(IdMap { inside, outside: *first, length: *count });
    }
    maps
}

/// A process outside that waits for the word, and then has the maps of this one written.
pub(super) struct Writer {
    shell: Child,
}

impl Writer {
    /// Starts it, when this user has subordinate IDs and the programs are there. It must be outside when it writes, so it is
    /// started before this process leaves.
    pub(super) fn start(uid: Uid, gid: Gid) -> Result<Option<Writer>> {
        let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
        let of = |file| fs::read_to_string(file).unwrap_or_default();
        let ranges = PROGRAMS.map(|(_, file)| ranges(&of(file), uid, name.as_deref()));
        if ranges.iter().any(Vec::is_empty) || !PROGRAMS.iter().all(|(name, _)| installed(name)) {
            return Ok(None);
        }
        let pid = std::process::id();
        let [uids, gids] = [map(uid.as_raw(), &ranges[0]), map(gid.as_raw(), &ranges[1])];
        let script = format!(
            "read -r go || exit 0; {} && exec {}",
            command("newuidmap", pid, &uids),
            command("newgidmap", pid, &gids)
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let shell = quietly("start a shell for newuidmap").run(|| command.spawn())?;
        Ok(Some(Writer { shell }))
    }

    /// Gives the word, and waits until the maps are written.
    pub(super) fn write(mut self) -> Result<()> {
        if let Some(mut gate) = self.shell.stdin.take() {
            quietly("give newuidmap the word").run(|| gate.write_all(b"go\n"))?;
        }
        let mut said = String::new();
        if let Some(mut errors) = self.shell.stderr.take() {
            let _ = errors.read_to_string(&mut said);
        }
        let status = doing("newuidmap and newgidmap, by a process that stayed outside")
            .like("newuidmap PID 0 UID 1 1 100000 65536; newgidmap PID …")
            .run(|| self.shell.wait().map_err(IntoErrno::into_errno))?;
        match status.success() {
            true => Ok(()),
            false => Err(Error::new(Kind::Environment, said.trim()).remedy(
                "compare your lines in /etc/subuid and /etc/subgid with `ls -l $(which newuidmap)`",
            )),
        }
    }
}

fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

fn command(program: &str, pid: u32, maps: &[IdMap]) -> String {
    let line = |map: &IdMap| format!(" {} {} {}", map.inside, map.outside, map.length);
    format!("{program} {pid}{}", maps.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "anna:100000:65536\n1000:300000:10\nbert:1:x\nanna:400000:5\n:1:2\n";

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let of = |uid, name| ranges(FILE, Uid::from_raw(uid), name);
        assert_eq!(of(7, Some("anna")), [(100000, 65536), (400000, 5)]);
        assert_eq!(of(1000, Some("anna")).len(), 3);
        assert!(of(7, Some("bert")).is_empty() && of(7, None).is_empty());
    }

    #[test]
    fn subordinate_ids_follow_the_users_own() {
        let maps = map(1000, &[(100000, 65536), (400000, 5)]);
        let inside: Vec<_> = maps.iter().map(|map| (map.inside, map.outside, map.length)).collect();
        assert_eq!(inside, [(0, 1000, 1), (1, 100000, 65536), (65537, 400000, 5)]);
        assert_eq!(command("newuidmap", 7, &maps[..2]), "newuidmap 7 0 1000 1 1 100000 65536");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*", uid: u32) {
            let found = ranges(&text, Uid::from_raw(uid), Some("anna"));
            let _ = map(uid, &found);
        }
    }
}
