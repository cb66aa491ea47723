//! `--sysctl net.KEY=VALUE`: settings of the box's own network namespace.

use std::fs;
use std::str::FromStr;

use clone_pid::Part;
use ground::call::doing;
use ground::{Error, Result};
use nix::errno::Errno;

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// With dots: `net.ipv4.ip_default_ttl`.
    pub key: String,
    /// What the file takes.
    pub value: String,
}

impl FromStr for Sysctl {
    type Err = Error;

    fn from_str(word: &str) -> Result<Sysctl> {
        let (key, value) =
            word.split_once('=').ok_or_else(|| Error::usage("net.KEY=VALUE is wanted"))?;
        let key = key.replace('/', ".");
        let wrong = |why: &str| Err(Error::usage(format!("{key}: {why}")));
        if !key.starts_with("net.") {
            return wrong("only net.* belongs to the network namespace of a box");
        }
        if key.split('.').any(str::is_empty) || key.contains(['\0', '\n']) {
            return wrong("that names no file of /proc/sys");
        }
        Ok(Sysctl { key, value: value.into() })
    }
}

/// Writes settings in the box, through its own /proc: list it after that.
pub struct Sysctls(pub Vec<Sysctl>);

impl Part for Sysctls {
    fn enter(&mut self) -> Result<()> {
        self.0.iter().try_for_each(|Sysctl { key, value }| {
            let file = format!("/proc/sys/{}", key.replace('.', "/"));
            doing(format_args!("write {value} to {file}"))
                .like_args(format_args!("sysctl -w {key}={value}"))
                .hint(Errno::ENOENT, "a new network namespace has no such setting; some of net.core are the host's only")
                .hint(Errno::EINVAL, "the setting does not take that value")
                .run(|| fs::OpenOptions::new().write(true).open(&file).and_then(|mut file| {
                    std::io::Write::write_all(&mut file, value.as_bytes())
                }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_of_the_network() {
        let one: Sysctl = "net.ipv4.ip_default_ttl=7".parse().unwrap();
        assert_eq!((&one.key[..], &one.value[..]), ("net.ipv4.ip_default_ttl", "7"));
        for word in ["net.x", "kernel.hostname=x", "net..x=1", "net.a/../../kernel/x=1", "=1"] {
            assert!(word.parse::<Sysctl>().is_err(), "{word}");
        }
    }
}
