//! `--security-opt`.

use std::path::PathBuf;
use std::str::FromStr;

use ground::{Error, Result};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityOpt {
    /// `no-new-privileges`
    NoNewPrivileges(bool),
    /// `seccomp=FILE`
    Profile(PathBuf),
    /// `seccomp=builtin`: the kit's own, which is the default
    Builtin,
    /// `seccomp=unconfined`
    Unconfined,
    /// `systempaths=unconfined`
    SystemPaths,
}

impl FromStr for SecurityOpt {
    type Err = Error;

    /// `NAME`, `NAME=VALUE` or, as Docker once had it, `NAME:VALUE`.
    fn from_str(text: &str) -> Result<SecurityOpt> {
        let (name, value) = match text.split_once(['=', ':']) {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match (name, value) {
            ("no-new-privileges", None | Some("true")) => Ok(SecurityOpt::NoNewPrivileges(true)),
            ("no-new-privileges", Some("false")) => Ok(SecurityOpt::NoNewPrivileges(false)),
            ("seccomp", Some("unconfined")) => Ok(SecurityOpt::Unconfined),
            ("seccomp", Some("builtin")) => Ok(SecurityOpt::Builtin),
            ("seccomp", Some(file)) if !file.is_empty() => Ok(SecurityOpt::Profile(file.into())),
            ("systempaths", Some("unconfined")) => Ok(SecurityOpt::SystemPaths),
            _ => Err(Error::usage("no such option").remedy(
                "no-new-privileges, seccomp=FILE, seccomp=builtin, seccomp=unconfined or systempaths=unconfined",
            )),
        }
    }
}

impl SecurityOpt {
    pub(crate) fn no_new_privs(&self) -> Option<bool> {
        match self {
            SecurityOpt::NoNewPrivileges(on) => Some(*on),
            _ => None,
        }
    }

    pub(crate) fn seccomp(&self) -> Option<&SecurityOpt> {
        use SecurityOpt::{Builtin, Profile, Unconfined};
        matches!(self, Profile(_) | Builtin | Unconfined).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let parse = |text: &str| text.parse::<SecurityOpt>();
        assert_eq!(parse("no-new-privileges").unwrap(), SecurityOpt::NoNewPrivileges(true));
        assert_eq!(parse("no-new-privileges:false").unwrap(), SecurityOpt::NoNewPrivileges(false));
        assert_eq!(parse("seccomp=/a=b").unwrap(), SecurityOpt::Profile("/a=b".into()));
        for wrong in
            ["", "seccomp", "seccomp=", "systempaths=x", "label=disable", "no-new-privileges=maybe"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
