//! Limits of a process: `--ulimit`.

use std::str::FromStr;

use clone_pid::Part;
use ground::call::doing;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

/// Names as Docker and `ulimit` have them. See getrlimit(2).
const RESOURCES: [(&str, Resource); 15] = [
    ("as", Resource::RLIMIT_AS),
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("locks", Resource::RLIMIT_LOCKS),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE),
    ("nice", Resource::RLIMIT_NICE),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("nproc", Resource::RLIMIT_NPROC),
    ("rss", Resource::RLIMIT_RSS),
    ("rtprio", Resource::RLIMIT_RTPRIO),
    ("sigpending", Resource::RLIMIT_SIGPENDING),
    ("stack", Resource::RLIMIT_STACK),
];

/// `NAME=SOFT[:HARD]`; -1 is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Rlimit {
    name: &'static str,
    resource: Resource,
    soft: u64,
    hard: u64,
}

impl FromStr for Rlimit {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Rlimit> {
        let form = || {
            Error::usage("not of the form NAME=SOFT or NAME=SOFT:HARD, such as nofile=1024:4096")
        };
        let (name, values) = spec.split_once('=').ok_or_else(form)?;
        let known = RESOURCES.iter().find(|(known, _)| *known == name);
        let names = RESOURCES.map(|(name, _)| name).join(", ");
        let (name, resource) = *known.ok_or_else(|| {
            Error::usage(format!("no limit {name:?}")).remedy(format!("one of {names}"))
        })?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        let value = |word: &str| match word {
            "-1" | "unlimited" => Ok(RLIM_INFINITY),
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| form())
            }
            _ => Err(form()),
        };
        let (soft, hard) = (value(soft)?, value(hard)?);
        if soft > hard {
            return Err(Error::usage("the soft limit is above the hard one"));
        }
        Ok(Rlimit { name, resource, soft, hard })
    }
}

// ANCHOR: rlimits
/// Limits of each process, kept over fork and execve. All but one count what *this process* has; RLIMIT_NPROC counts what
/// its *user* has, in every container, and not at all for who has CAP_SYS_ADMIN or CAP_SYS_RESOURCE. See getrlimit(2).
#[derive(Clone, Debug, Default)]
pub struct Rlimits(pub Vec<Rlimit>);

impl Part for Rlimits {
    /// Before the capabilities go: to raise a hard limit takes CAP_SYS_RESOURCE.
    fn seal(&mut self) -> Result<()> {
        self.0.iter().try_for_each(|limit| {
            let Rlimit { name, resource, soft, hard } = *limit;
            doing(format_args!("setrlimit {name} {}:{}", Shown(soft), Shown(hard)))
                .like_args(format_args!("prlimit --{name}={}:{} COMMAND", Shown(soft), Shown(hard)))
                .hint(Errno::EPERM, "to raise a hard limit takes CAP_SYS_RESOURCE; nofile ends at /proc/sys/fs/nr_open")
                .run(|| setrlimit(resource, soft, hard))
        })
    }
}
// ANCHOR_END: rlimits

struct Shown(u64);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            RLIM_INFINITY => write!(f, "unlimited"),
            value => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(spec: &str) -> Result<(u64, u64)> {
        spec.parse::<Rlimit>().map(|limit| (limit.soft, limit.hard))
    }

    #[test]
    fn one_value_is_both() {
        assert_eq!(parse("nofile=1024").unwrap(), (1024, 1024));
        assert_eq!(parse("nofile=10:20").unwrap(), (10, 20));
        assert_eq!(parse("core=0:-1").unwrap(), (0, RLIM_INFINITY));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        let wrong = [
            "",
            "nofile",
            "nofile=",
            "nofile=a",
            "files=1",
            "nofile=2:1",
            "nofile=-2",
            "nofile=1:2:3",
        ];
        assert!(wrong.iter().all(|spec| parse(spec).is_err()));
    }
}
