//! `/proc/PID/uid_map` and `gid_map`, see user_namespaces(7).

use super::{Malformed, lines};

/// One line of a map: `length` IDs from `inside` on are the IDs from `outside` on in the reader's user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct IdMap {
    pub inside: u32,
    pub outside: u32,
    pub length: u32,
}

impl IdMap {
    /// Whether this ID of the inside is one of its own.
    pub fn has(self, id: u32) -> bool {
        id.checked_sub(self.inside).is_some_and(|offset| offset < self.length)
    }
}

/// Parses the whole file.
pub fn parse(text: &str) -> Result<Vec<IdMap>, Malformed> {
    lines(text, |line| {
        let mut numbers = line.split_whitespace().map(|n| n.parse().ok());
        let mut next = || numbers.next().flatten();
        let map = IdMap { inside: next()?, outside: next()?, length: next()? };
        numbers.next().is_none().then_some(map)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_map_of_the_initial_user_namespace() {
        let map = parse("         0          0 4294967295\n").unwrap();
        assert_eq!(map, [IdMap { inside: 0, outside: 0, length: u32::MAX }]);
    }

    #[test]
    fn a_line_has_as_many_ids_as_it_says() {
        let map = IdMap { inside: 5, outside: 100, length: 2 };
        assert_eq!([4, 5, 6, 7].map(|id| map.has(id)), [false, true, true, false]);
    }

    #[test]
    fn a_short_or_long_line_is_malformed() {
        assert!(parse("0 0\n").is_err());
        assert!(parse("0 0 1 1\n").is_err());
        assert!(parse("0 x 1\n").is_err());
    }

    proptest! {
        #[test]
        fn reads_back_what_was_printed(maps in prop::collection::vec(any::<(u32, u32, u32)>(), 0..5)) {
            let text: String = maps.iter().map(|(a, b, c)| format!("{a:>10} {b:>10} {c:>10}\n")).collect();
            let read: Vec<_> = parse(&text).unwrap().iter().map(|m| (m.inside, m.outside, m.length)).collect();
            prop_assert_eq!(read, maps);
        }
    }
}
