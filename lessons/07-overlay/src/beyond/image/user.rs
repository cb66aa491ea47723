//! As whom a box's command runs: user, group, supplementary groups. An image says so (`USER name`, `USER 1000:1000`), or the
//! flag `--user` of lesson 08.
//!
//! Names are those of the box: they are looked up in its `/etc/passwd` and `/etc/group`, when its root is `/`.

use std::fs::File;
use std::io::Read;
use std::str::FromStr;

use clone_pid::Part;
use ground::call::{doing, quietly};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// The user of an image. List it after what makes `/`.
pub struct AsUser(Option<String>);

impl AsUser {
    /// `None` stays root.
    pub fn new(user: Option<&str>) -> AsUser {
        AsUser(user.filter(|user| !user.is_empty()).map(str::to_string))
    }

    /// As it was said.
    pub fn said(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl Part for AsUser {
    /// In every process, last: who is not root any more cannot mount.
    fn seal(&mut self) -> Result<()> {
        let Some(user) = &self.0 else { return Ok(()) };
        user.parse::<User>()?.resolve()?.take(false)
    }
}

/// `UID[:GID]` or `NAME[:GROUP]`, and the groups that were asked for beside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    user: Option<String>,
    group: Option<String>,
    more: Vec<String>,
}

/// The numbers behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User ID.
    pub uid: u32,
    /// Group ID.
    pub gid: u32,
    /// Supplementary groups, each once.
    pub groups: Vec<u32>,
}

impl FromStr for User {
    type Err = Error;

    fn from_str(spec: &str) -> Result<User> {
        let (user, group) = match spec.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (spec, None),
        };
        let wrong = |word: &str| word.is_empty() || word.contains([':', '\n', '\0', '/']);
        if wrong(user) || group.is_some_and(wrong) {
            return Err(Error::usage("not of the form UID, UID:GID, NAME or NAME:GROUP"));
        }
        Ok(User { user: Some(user.into()), group: group.map(Into::into), more: Vec::new() })
    }
}

impl User {
    /// With these groups as well, by number or by name.
    pub fn with_groups(self, more: Vec<String>) -> User {
        User { more, ..self }
    }

    /// Whether it is surely an ordinary user. A name that means 0 in the box is found out only there.
    pub fn is_ordinary(&self) -> bool {
        self.user.as_deref().is_some_and(|user| user != "root" && number(user) != Some(0))
    }

    // ANCHOR: resolve
    /// Looks names up in the box's own `/etc/passwd` and `/etc/group`: what the image calls `www-data` is the image's
    /// business. A number needs no entry, and then its group is 0, as Docker has it.
    pub fn resolve(&self) -> Result<Identity> {
        let mut who = Identity::default();
        let mut login = None;
        if let Some(user) = &self.user {
            let entry = find(&read("/etc/passwd")?, user, 2);
            who.uid = match (&entry, number(user)) {
                (Some(fields), _) => field(fields, 2),
                (None, found) => found,
            }
            .ok_or_else(|| nobody("user", user, "/etc/passwd"))?;
            who.gid = entry.as_ref().and_then(|fields| field(fields, 3)).unwrap_or(0);
            login = entry.map(|fields| fields[0].clone());
        }
        if self.group.is_none() && self.more.is_empty() && login.is_none() {
            return Ok(who);
        }
        let table = read("/etc/group")?;
        match &self.group {
            Some(group) => who.gid = group_id(&table, group)?,
            None => who.groups = login.map(|name| memberships(&table, &name)).unwrap_or_default(),
        }
        for group in &self.more {
            who.groups.push(group_id(&table, group)?);
        }
        who.groups.sort_unstable();
        who.groups.dedup();
        Ok(who)
    }
    // ANCHOR_END: resolve
}

// ANCHOR: become
impl Identity {
    /// Groups before the user: afterwards nobody is left who may. A change of user also empties permitted, effective and
    /// ambient set, unless `keep` asks for the permitted one, which execve(2) would take away all the same.
    pub fn take(&self, keep: bool) -> Result<()> {
        // The kernel forgets on a change of credentials that we are to die with our parent.
        let death = quietly("prctl PR_GET_PDEATHSIG").run(prctl::get_pdeathsig)?;
        if keep {
            quietly("prctl PR_SET_KEEPCAPS").run(|| prctl::set_keepcaps(true))?;
        }
        let groups: Vec<_> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        doing(format_args!("setgroups {:?}", self.groups))
            .like("setpriv --groups … COMMAND")
            .hint(
                Errno::EPERM,
                "this needs CAP_SETGID, and a user namespace in whose map setgroups is not denied",
            )
            .hint(Errno::EINVAL, UNMAPPED)
            .run(|| match setgroups(&groups) {
                // A user namespace whose map was written without privilege denies it: there are none to give up.
                Err(Errno::EPERM) if groups.is_empty() => Ok(()),
                other => other,
            })?;
        doing(format_args!("setresgid {}", self.gid))
            .like_args(format_args!("setpriv --regid {} COMMAND", self.gid))
            .hint(Errno::EINVAL, UNMAPPED)
            .run(|| setresgid(gid, gid, gid))?;
        doing(format_args!("setresuid {}", self.uid))
            .like_args(format_args!("setpriv --reuid {} COMMAND", self.uid))
            .hint(Errno::EINVAL, UNMAPPED)
            .run(|| setresuid(uid, uid, uid))?;
        quietly("prctl PR_SET_PDEATHSIG").run(|| prctl::set_pdeathsig(death))
    }
}
// ANCHOR_END: become

const UNMAPPED: &str = "no such ID in the box's user namespace: see /proc/self/uid_map and gid_map";

fn nobody(kind: &str, name: &str, file: &str) -> Error {
    if name.parse::<i128>().is_ok() {
        return Error::usage(format!("{name} is no ID of a {kind}: they go from 0 to 4294967294"));
    }
    Error::usage(format!("no {kind} {name:?} in the box's {file}"))
        .remedy("a number needs no entry there")
}

/// The file in the box, or nothing when the image has none. It is opened as root, so it is not trusted: what is no regular
/// file (a device, a pipe that never ends) is refused, and so is a link of `/proc`, which could lead anywhere.
fn read(path: &str) -> Result<String> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = match openat2(AT_FDCWD, path, how) {
        Err(Errno::ENOENT) => return Ok(String::new()),
        other => File::from(quietly(format_args!("open {path} in the box")).run(|| other)?),
    };
    let about = quietly(format_args!("fstat {path} in the box")).run(|| file.metadata())?;
    if !about.is_file() || about.len() > 1 << 20 {
        return Err(Error::usage(format!("{path} in the box is no file of at most 1 MiB")));
    }
    let mut text = Vec::new();
    let what = format!("read {path} in the box");
    quietly(what).run(|| file.take(1 << 20).read_to_end(&mut text))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The entry of that name or, if nobody has it, of that number.
fn find(table: &str, word: &str, number_at: usize) -> Option<Vec<String>> {
    let entries = || table.lines().map(|line| line.split(':').map(str::to_string).collect());
    let named = entries().find(|entry: &Vec<String>| entry[0] == word);
    let numbered = |entry: &Vec<String>| entry.get(number_at).is_some_and(|field| field == word);
    named.or_else(|| entries().find(numbered))
}

fn field(entry: &[String], at: usize) -> Option<u32> {
    entry.get(at).and_then(|word| number(word))
}

/// An ID. The highest value is none: it is -1, by which setresuid(2) leaves an ID as it is.
fn number(word: &str) -> Option<u32> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|id| digits && *id < u32::MAX)
}

fn group_id(table: &str, word: &str) -> Result<u32> {
    let named = find(table, word, 2).and_then(|entry| field(&entry, 2));
    named.or_else(|| number(word)).ok_or_else(|| nobody("group", word, "/etc/group"))
}

fn memberships(table: &str, name: &str) -> Vec<u32> {
    let entries = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let member = |entry: &Vec<&str>| entry.get(3).is_some_and(|m| m.split(',').any(|m| m == name));
    entries.filter(member).filter_map(|entry| number(entry[2])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GROUP: &str = "root:x:0:\nadm:x:4:www,bob\nwww:x:33:\nbroken\nlog:x:5:www";

    #[test]
    fn names_and_numbers() {
        let user: User = "www:adm".parse().unwrap();
        assert_eq!((user.user.as_deref(), user.group.as_deref()), (Some("www"), Some("adm")));
        assert!(["", ":", "1:", ":1", "a:b:c", "a/b"].iter().all(|s| s.parse::<User>().is_err()));
    }

    #[test]
    fn a_name_goes_before_a_number() {
        let table = "33:x:7:7::/:\nwww:x:33:33::/:";
        assert_eq!(find(table, "33", 2).unwrap()[2], "7");
        assert_eq!(find(table, "7", 2).unwrap()[0], "33");
        assert!(find(table, "bob", 2).is_none());
    }

    #[test]
    fn groups_of_a_name() {
        assert_eq!(memberships(GROUP, "www"), [4, 5]);
        assert_eq!(group_id(GROUP, "www").unwrap(), 33);
        assert_eq!(group_id(GROUP, "1234").unwrap(), 1234);
        assert!(group_id(GROUP, "nobody").is_err());
    }

    #[test]
    fn minus_one_is_no_id() {
        assert_eq!(number("4294967295"), None);
        assert_eq!(number("+1"), None);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "\\PC*", word in "\\PC{0,6}") {
            let _ = (find(&table, &word, 2), group_id(&table, &word), memberships(&table, &word));
        }
    }
}
