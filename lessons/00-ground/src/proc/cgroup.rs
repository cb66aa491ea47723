//! `/proc/PID/cgroup`, see cgroups(7).

use super::{Malformed, lines};

/// A process's group in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Number of the hierarchy, 0 for cgroup v2.
    pub hierarchy: u32,
    /// Controllers of a v1 hierarchy, or its name as `name=…`; empty for v2.
    pub controllers: Vec<String>,
    /// Path of the group below the root of the reader's cgroup namespace.
    pub path: String,
}

impl Membership {
    /// Whether this is the unified hierarchy.
    pub fn is_v2(&self) -> bool {
        self.hierarchy == 0 && self.controllers.is_empty()
    }
}

/// Parses the whole file.
pub fn parse(text: &str) -> Result<Vec<Membership>, Malformed> {
    lines(text, |line| {
        // A path may hold a colon, so only the first two separate.
        let mut fields = line.splitn(3, ':');
        let hierarchy = fields.next()?.parse().ok()?;
        let controllers =
            fields.next()?.split(',').filter(|c| !c.is_empty()).map(Into::into).collect();
        let path = fields.next().filter(|path| path.starts_with('/'))?.to_string();
        Some(Membership { hierarchy, controllers, path })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn v1_v2_and_named_hierarchies() {
        let groups = parse("3:cpu,cpuacct:/a:b\n1:name=systemd:/\n0::/user.slice\n").unwrap();
        assert_eq!(groups[0].controllers, ["cpu", "cpuacct"]);
        assert_eq!(groups[0].path, "/a:b");
        assert_eq!(groups[1].controllers, ["name=systemd"]);
        assert!(groups[2].is_v2());
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_every_line(text in "\\PC*") {
            if let Ok(groups) = parse(&text) {
                prop_assert_eq!(groups.len(), text.lines().count());
            }
        }
    }
}
