//! `uid_map` and `gid_map`: which IDs of a user namespace are which outside.

use ground::proc::Process;
use ground::proc::idmap::IdMap;
use ground::{Error, Result};

/// The kernel takes so many lines, since Linux 4.15…
pub const MOST_LINES: usize = 340;
/// …in one write(2) of less than a page.
const MOST_BYTES: usize = 4096;

/// The two maps of a user namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maps {
    /// User IDs.
    pub uids: Vec<IdMap>,
    /// Group IDs.
    pub gids: Vec<IdMap>,
}

impl Maps {
    /// The same line for both: `length` IDs from 0 on are those from `outside` on.
    pub fn from_zero(outside: u32, length: u32) -> Maps {
        let line = vec![IdMap { inside: 0, outside, length }];
        Maps { uids: line.clone(), gids: line }
    }

    /// What the kernel would refuse with a bare EINVAL or EPERM, and a map without 0: a box's first process is root of it.
    pub fn check(&self) -> Result<()> {
        check("uid map", &self.uids, &Process::this().uid_map()?)?;
        check("gid map", &self.gids, &Process::this().gid_map()?)
    }
}

/// Parses `INSIDE:OUTSIDE:LENGTH`, as Docker and Podman write it.
pub fn parse(word: &str) -> Result<IdMap> {
    let numbers: Option<Vec<u32>> = word.split(':').map(|field| field.parse().ok()).collect();
    let Some([inside, outside, length]) = numbers.as_deref() else {
        return Err(
            Error::usage("not of the form").remedy("INSIDE:OUTSIDE:LENGTH, such as 0:100000:65536")
        );
    };
    let (inside, outside, length) = (*inside, *outside, *length);
    // 4294967295 is -1, which stands for "no ID" in many calls.
    let ends = |first: u32| first.checked_add(length).is_some();
    match length > 0 && ends(inside) && ends(outside) {
        true => Ok(IdMap { inside, outside, length }),
        false => {
            Err(Error::usage("no such range").remedy("at least one ID, and none above 4294967294"))
        }
    }
}

/// As the file wants it: all lines in one write.
pub fn text(map: &[IdMap]) -> String {
    map.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.length)).collect()
}

/// As [`parse`] reads it.
pub fn shown(line: &IdMap) -> String {
    format!("{}:{}:{}", line.inside, line.outside, line.length)
}

fn check(name: &str, map: &[IdMap], here: &[IdMap]) -> Result<()> {
    let wrong =
        |what: String, remedy: &str| Err(Error::usage(format!("{name} {what}")).remedy(remedy));
    if map.len() > MOST_LINES || text(map).len() >= MOST_BYTES {
        let what = format!("has {} lines in {} bytes", map.len(), text(map).len());
        return wrong(what, "the kernel takes 340 lines, and less than 4096 bytes");
    }
    for (at, line) in map.iter().enumerate() {
        let overlaps = |other: &&IdMap| {
            overlap(line.inside, other.inside, line.length, other.length)
                || overlap(line.outside, other.outside, line.length, other.length)
        };
        if let Some(other) = map[..at].iter().find(overlaps) {
            let what = format!("{} overlaps with {}", shown(line), shown(other));
            return wrong(what, "each ID can be mapped once, on either side");
        }
        if !is_there(line, here) {
            let what = format!("{} is out of range: not all of it exists out here", shown(line));
            return wrong(
                what,
                "/proc/self/uid_map and gid_map say which IDs there are; an ordinary user gets more by a line in /etc/subuid and /etc/subgid, and newuidmap",
            );
        }
    }
    match map.iter().any(|line| line.inside == 0) {
        true => Ok(()),
        false => wrong("has no ID 0".into(), "the first process of a box begins as its root"),
    }
}

fn overlap(a: u32, b: u32, a_length: u32, b_length: u32) -> bool {
    a < b.saturating_add(b_length) && b < a.saturating_add(a_length)
}

/// Whether one line of the outer map holds the whole range: the kernel wants that.
fn is_there(line: &IdMap, here: &[IdMap]) -> bool {
    let end = |first: u32, length: u32| u64::from(first) + u64::from(length);
    here.iter().any(|outer| {
        line.outside >= outer.inside
            && end(line.outside, line.length) <= end(outer.inside, outer.length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: IdMap = IdMap { inside: 0, outside: 0, length: u32::MAX };

    fn said(words: &[&str], here: IdMap) -> String {
        let map: Vec<_> = words.iter().map(|word| parse(word).unwrap()).collect();
        check("uid map", &map, &[here]).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_range_has_an_end() {
        for word in
            ["", "0:0", "0:0:0", "0:1:2:3", "a:0:1", "-1:0:1", "4294967295:0:1", "0:1:4294967295"]
        {
            assert!(parse(word).is_err(), "{word}");
        }
        assert!(parse("0:0:4294967295").is_ok());
    }

    #[test]
    fn what_the_kernel_would_refuse_is_named() {
        assert_eq!(said(&["0:100000:65536"], ALL), "");
        assert!(
            said(&["0:1000:10", "5:2000:10"], ALL).contains("5:2000:10 overlaps with 0:1000:10")
        );
        assert!(said(&["0:1000:10", "10:1009:1"], ALL).contains("overlaps"));
        assert!(said(&["1:1000:10"], ALL).contains("no ID 0"));
        let one = IdMap { inside: 0, outside: 1000, length: 1 };
        assert!(said(&["0:100000:65536"], one).contains("out of range"));
        assert_eq!(said(&["0:0:1"], one), "");
    }

    #[test]
    fn lines_and_bytes_are_counted() {
        let lines = |n: u32| -> Vec<IdMap> {
            (0..n).map(|i| IdMap { inside: i, outside: i, length: 1 }).collect()
        };
        assert!(check("uid map", &lines(340), &[ALL]).is_ok());
        assert!(check("uid map", &lines(341), &[ALL]).is_err());
        let long: Vec<_> = lines(340)
            .iter()
            .map(|l| IdMap { inside: l.inside, outside: l.outside + 1_000_000, length: 1 })
            .collect();
        assert!(check("uid map", &long, &[ALL]).is_err(), "{}", text(&long).len());
    }

    proptest! {
        #[test]
        fn reads_back_what_was_shown(inside in 0..1u32 << 31, outside in 0..1u32 << 31, length in 1..1u32 << 30) {
            let line = IdMap { inside, outside, length };
            prop_assert_eq!(parse(&shown(&line)).unwrap(), line);
        }

        #[test]
        fn never_panics(word in "\\PC*") {
            let _ = parse(&word);
        }
    }
}
