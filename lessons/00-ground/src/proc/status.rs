//! `/proc/PID/status`.

use std::collections::HashMap;

use super::Malformed;

/// The lines of `/proc/PID/status` that tell how a process is contained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Command name, 15 bytes at most.
    pub name: String,
    /// State letter: R S D T t Z X I.
    pub state: char,
    /// PID of the parent, 0 when it lives outside the reader's PID namespace.
    pub ppid: i32,
    /// Its PID in every nested PID namespace, the reader's first. Empty for a zombie on some kernels.
    pub nspid: Vec<i32>,
    /// Real, effective, saved and file system user ID, in the reader's user namespace.
    pub uid: Vec<u32>,
    /// The same for the group.
    pub gid: Vec<u32>,
    /// Number of threads.
    pub threads: u32,
    /// Signals that are pending, blocked, ignored and caught; bit n-1 is signal n.
    pub signals: Signals,
    /// The five capability sets.
    pub capabilities: Capabilities,
    /// Whether no_new_privs is set, see prctl(2).
    pub no_new_privs: bool,
    /// 0 none, 1 strict, 2 filter; see seccomp(2).
    pub seccomp: u32,
}

/// Signal masks; bit n-1 is signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Signals {
    pub pending: u64,
    pub blocked: u64,
    pub ignored: u64,
    pub caught: u64,
}

/// The capability sets of capabilities(7); bit n is capability n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Capabilities {
    pub inheritable: u64,
    pub permitted: u64,
    pub effective: u64,
    pub bounding: u64,
    pub ambient: u64,
}

/// Parses the whole file. A line that an older kernel lacks leaves its default; a malformed one is an error.
pub fn parse(text: &str) -> Result<Status, Malformed> {
    let fields: HashMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once(':')).map(|(k, v)| (k, v.trim())).collect();
    let fields = Fields(fields);
    if !fields.0.contains_key("Name") {
        return Err(Malformed("no line Name:".into()));
    }
    Ok(Status {
        name: fields.0["Name"].to_string(),
        state: fields.0.get("State").and_then(|s| s.chars().next()).unwrap_or('?'),
        ppid: fields.list("PPid")?.first().copied().unwrap_or(0),
        nspid: fields.list("NSpid")?,
        uid: fields.list("Uid")?,
        gid: fields.list("Gid")?,
        threads: fields.list("Threads")?.first().copied().unwrap_or(1),
        signals: Signals {
            pending: fields.mask("SigPnd")? | fields.mask("ShdPnd")?,
            blocked: fields.mask("SigBlk")?,
            ignored: fields.mask("SigIgn")?,
            caught: fields.mask("SigCgt")?,
        },
        capabilities: Capabilities {
            inheritable: fields.mask("CapInh")?,
            permitted: fields.mask("CapPrm")?,
            effective: fields.mask("CapEff")?,
            bounding: fields.mask("CapBnd")?,
            ambient: fields.mask("CapAmb")?,
        },
        no_new_privs: fields.list::<u32>("NoNewPrivs")?.first() == Some(&1),
        seccomp: fields.list("Seccomp")?.first().copied().unwrap_or(0),
    })
}

struct Fields<'a>(HashMap<&'a str, &'a str>);

impl Fields<'_> {
    fn list<T: std::str::FromStr>(&self, key: &str) -> Result<Vec<T>, Malformed> {
        let text = self.0.get(key).copied().unwrap_or("");
        let numbers = text.split_whitespace().map(str::parse);
        numbers.collect::<Result<_, _>>().map_err(|_| Malformed(format!("{key}: {text:?}")))
    }

    fn mask(&self, key: &str) -> Result<u64, Malformed> {
        let text = self.0.get(key).copied().unwrap_or("0");
        u64::from_str_radix(text, 16).map_err(|_| Malformed(format!("{key}: {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_numbers_in_every_pid_namespace() {
        let status = parse("Name:\tsleep\nPPid:\t1\nNSpid:\t18830\t1\nSeccomp:\t2\n").unwrap();
        assert_eq!(status.nspid, [18830, 1]);
        assert_eq!(status.seccomp, 2);
    }

    #[test]
    fn a_malformed_mask_is_named() {
        assert_eq!(parse("Name:\tx\nCapEff:\tzz\n"), Err(Malformed("CapEff: \"zz\"".into())));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn what_the_kernel_prints_is_read_back(
            nspid in prop::collection::vec(1..i32::MAX, 1..5),
            eff: u64, caught: u64, nnp: bool,
        ) {
            let list = nspid.iter().map(i32::to_string).collect::<Vec<_>>().join("\t");
            let text = format!(
                "Name:\tx\nNSpid:\t{list}\nCapEff:\t{eff:016x}\nSigCgt:\t{caught:016x}\nNoNewPrivs:\t{}\n",
                u32::from(nnp)
            );
            let status = parse(&text).unwrap();
            prop_assert_eq!(status.nspid, nspid);
            prop_assert_eq!(status.capabilities.effective, eff);
            prop_assert_eq!(status.signals.caught, caught);
            prop_assert_eq!(status.no_new_privs, nnp);
        }
    }
}
