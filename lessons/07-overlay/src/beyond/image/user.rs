//! As whom a box's command runs, when its image says so: `USER name`, `USER 1000:1000`.
//!
//! Names are those of the box: they are looked up in its `/etc/passwd` and `/etc/group`, when its root is `/`.

use std::fs;

use clone_pid::Part;
use ground::call::doing;
use ground::error::Kind;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// The user of an image. List it after what makes `/`.
pub struct AsUser(Option<String>);

impl AsUser {
    /// `None` stays root.
    pub fn new(user: Option<&str>) -> AsUser {
        AsUser(user.filter(|user| !user.is_empty()).map(str::to_string))
    }
}

impl Part for AsUser {
    /// In every process, last: who is not root any more cannot mount. The groups first, while they may be changed.
    fn seal(&mut self) -> Result<()> {
        let Some(user) = &self.0 else { return Ok(()) };
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let ids = Ids::of(user, &read("/etc/passwd"), &read("/etc/group"))?;
        let mapped = "in a user namespace only mapped users exist; --rootless maps root alone";
        doing(format_args!("setgroups {:?}", ids.groups)).hint(Errno::EPERM, mapped).run(|| {
            setgroups(&ids.groups.iter().copied().map(Gid::from_raw).collect::<Vec<_>>())
        })?;
        let (uid, gid) = (Uid::from_raw(ids.uid), Gid::from_raw(ids.gid));
        doing(format_args!("setresgid {gid}"))
            .hint(Errno::EINVAL, mapped)
            .run(|| setresgid(gid, gid, gid))?;
        doing(format_args!("setresuid {uid}"))
            .like_args(format_args!("setpriv --reuid {uid} --regid {gid} --init-groups"))
            .hint(Errno::EINVAL, mapped)
            .run(|| setresuid(uid, uid, uid))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Ids {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Ids {
    /// `USER[:GROUP]`, each a name or a number. See the image spec, config.md.
    fn of(word: &str, passwd: &str, group: &str) -> Result<Ids> {
        let (user, wanted) = match word.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (word, None),
        };
        let unknown = |what: &str, word: &str| {
            Error::new(Kind::Failed, format!("the box has no {what} {}", super::cut(word)))
        };
        let number = user.parse::<u32>().ok();
        let entry = lines(passwd).find(|line| {
            line.first() == Some(&user) || number.is_some() && field(line, 2) == number
        });
        let uid = entry.as_ref().and_then(|line| field(line, 2)).or(number);
        let uid = uid.ok_or_else(|| unknown("user", user))?;
        let name = entry.as_ref().and_then(|line| line.first().copied());
        let gid = match wanted {
            Some(word) => {
                let found = lines(group).find(|line| line.first() == Some(&word));
                let gid = found.and_then(|line| field(&line, 2)).or_else(|| word.parse().ok());
                gid.ok_or_else(|| unknown("group", word))?
            }
            None => entry.and_then(|line| field(&line, 3)).unwrap_or(0),
        };
        let is_member = |line: &Vec<&str>| {
            line.get(3).is_some_and(|members| members.split(',').any(|member| Some(member) == name))
        };
        let more = lines(group).filter(is_member).filter_map(|line| field(&line, 2));
        let groups = if wanted.is_none() { more.collect() } else { Vec::new() };
        Ok(Ids { uid, gid, groups })
    }
}

fn lines(file: &str) -> impl Iterator<Item = Vec<&str>> {
    file.lines().map(|line| line.split(':').collect())
}

fn field(line: &[&str], number: usize) -> Option<u32> {
    line.get(number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/false\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:50:sys,web\n";

    fn ids(word: &str) -> Option<(u32, u32, Vec<u32>)> {
        Ids::of(word, PASSWD, GROUP).ok().map(|ids| (ids.uid, ids.gid, ids.groups))
    }

    #[test]
    fn names_and_numbers_are_the_boxes() {
        assert_eq!(ids("web"), Some((33, 34, vec![50])));
        assert_eq!(ids("33"), Some((33, 34, vec![50])));
        assert_eq!(ids("web:log"), Some((33, 50, vec![])));
        assert_eq!(ids("1000:7"), Some((1000, 7, vec![])));
        assert_eq!(ids("1000"), Some((1000, 0, vec![])));
        assert_eq!((ids("nobody"), ids("web:none"), ids("-1")), (None, None, None));
    }
}
