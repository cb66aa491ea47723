//! One line for every failure: what was attempted, on which object, the errno, and what to try.
//!
//! ```text
//! mount proc on /proc: EPERM: this needs CAP_SYS_ADMIN in the owning user namespace; run with sudo, or --rootless
//! ```

use std::fmt::{self, Display};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who must act on a failure; decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The thing itself failed: status 1 (125 from `run`).
    Failed,
    /// The command line is wrong: status 2 (125 from `run`).
    Usage,
    /// The machine lacks something: status 2 (125 from `run`).
    Environment,
    /// The command in the box exists and cannot be executed: status 126.
    NotExecutable,
    /// The command does not exist in the box: status 127.
    NotFound,
}

/// A failed operation. It travels as JSON from the box to the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Error {
    /// Operation and object, for example `mount proc on /proc`.
    doing: String,
    errno: Option<i32>,
    remedy: Option<String>,
    kind: Kind,
}

impl Error {
    /// A failure that is no system call's: `what` is the whole sentence.
    pub fn new(kind: Kind, what: impl Display) -> Error {
        Error { doing: what.to_string(), errno: None, remedy: None, kind }
    }

    /// A system call that failed: `doing` names operation and object.
    pub fn os(doing: impl Display, errno: Errno) -> Error {
        let remedy = usual_remedy(errno).map(str::to_string);
        let doing = doing.to_string();
        Error { doing, errno: Some(errno as i32), remedy, kind: Kind::Failed }
    }

    /// A wrong command line: status 2.
    pub fn usage(what: impl Display) -> Error {
        Error::new(Kind::Usage, what)
    }

    /// A machine that lacks something: status 2.
    pub fn environment(what: impl Display) -> Error {
        Error::new(Kind::Environment, what)
    }

    /// Says what to try, in place of what is usually tried for this errno.
    pub fn remedy(mut self, remedy: impl Display) -> Error {
        self.remedy = Some(remedy.to_string());
        self
    }

    /// Says who must act.
    pub fn kind(mut self, kind: Kind) -> Error {
        self.kind = kind;
        self
    }

    /// The errno, when a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        self.errno.map(Errno::from_raw)
    }

    /// Exit status of a command that ends with this error.
    pub fn status(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage | Kind::Environment => 2,
            Kind::NotExecutable => 126,
            Kind::NotFound => 127,
        }
    }

    /// Exit status of `run` and `exec`, which follow Docker: 125 when the runtime failed, 126 and 127 for the command.
    pub fn run_status(&self) -> u8 {
        self.status().max(125)
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", on_one_line(&self.doing))?;
        if let Some(errno) = self.errno() {
            write!(f, ": {errno:?}")?;
        }
        match (&self.remedy, self.errno()) {
            (Some(remedy), _) => write!(f, ": {}", on_one_line(remedy)),
            (None, Some(errno)) => write!(f, ": {}", errno.desc()),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// The text without its marks. A file name may hold a newline: it is shown as the kernel's own files would, escaped.
fn on_one_line(marked: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Text::from(marked).text.chars().map(escape).collect()
}

/// What usually helps. A call site that knows better says so with [`Error::remedy`] or `Doing::hint`.
fn usual_remedy(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EPERM => {
            "this needs CAP_SYS_ADMIN in the owning user namespace; run with sudo, or --rootless"
        }
        Errno::EACCES => "permission denied; check owner and mode of every directory on the path",
        Errno::ENOENT => "no such file or directory; check the spelling",
        Errno::ENOSPC => {
            "No space left on device, or a limit of /proc/sys/user/max_*_namespaces is reached"
        }
        Errno::ENOSYS => {
            "this kernel does not know the call; `cargo xtask doctor` names the version"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_operation_object_errno_and_remedy() {
        let e = Error::os("mount proc on /proc", Errno::EPERM);
        assert_eq!(
            e.to_string(),
            "mount proc on /proc: EPERM: this needs CAP_SYS_ADMIN in the owning user namespace; \
             run with sudo, or --rootless"
        );
    }

    #[test]
    fn errno_without_a_usual_remedy_says_what_it_means() {
        let e = Error::os("unshare pid", Errno::EINVAL);
        assert_eq!(e.to_string(), "unshare pid: EINVAL: Invalid argument");
    }

    #[test]
    fn a_newline_in_a_name_does_not_break_the_line() {
        assert_eq!(Error::usage("no a\nb").to_string(), "no a\\nb");
    }

    #[test]
    fn run_follows_docker() {
        let status = |kind| Error::new(kind, "x").run_status();
        assert_eq!(status(Kind::Failed), 125);
        assert_eq!(status(Kind::Usage), 125);
        assert_eq!(status(Kind::NotExecutable), 126);
        assert_eq!(status(Kind::NotFound), 127);
    }
}
