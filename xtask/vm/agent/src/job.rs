//! The one command that a machine is started for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// A command, and the world it wants to find.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Job {
    /// Seconds since 1970: a restored machine believes that it is still the day of its snapshot.
    pub time: u64,
    /// What the machine's random numbers start from, for the same reason.
    pub seed: OsString,
    /// Directories that must stay visible although `/tmp`, `/run` and `/var/tmp` are the machine's.
    pub kept: Vec<PathBuf>,
    /// The only directory of the host that the machine writes to.
    pub state: PathBuf,
    /// The command's current directory.
    pub cwd: PathBuf,
    /// Its whole environment, as `NAME=VALUE`.
    pub env: Vec<OsString>,
    /// Its name and arguments.
    pub args: Vec<OsString>,
    /// Rows and columns, when it is to have a terminal.
    pub terminal: Option<(u16, u16)>,
}

impl Job {
    /// The job as `key=value` strings, each closed by NUL, which none of the values can contain.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |key: &str, value: &OsStr| {
            bytes.extend([key.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
        };
        put("time", OsStr::new(&self.time.to_string()));
        put("seed", &self.seed);
        self.kept.iter().for_each(|path| put("kept", path.as_os_str()));
        put("state", self.state.as_os_str());
        put("cwd", self.cwd.as_os_str());
        self.env.iter().for_each(|variable| put("env", variable));
        self.args.iter().for_each(|argument| put("arg", argument));
        if let Some((rows, columns)) = self.terminal {
            put("terminal", OsStr::new(&format!("{rows}x{columns}")));
        }
        bytes
    }

    /// Reads what [`Job::encode`] made; None for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Job> {
        let mut job = Job::default();
        for field in bytes.strip_suffix(b"\0")?.split(|byte| *byte == 0) {
            let at = field.iter().position(|byte| *byte == b'=')?;
            let value = OsString::from_vec(field[at + 1..].to_vec());
            job.set(&field[..at], value)?;
        }
        Some(job)
    }

    fn set(&mut self, key: &[u8], value: OsString) -> Option<()> {
        match key {
            b"time" => self.time = value.to_str()?.parse().ok()?,
            b"seed" => self.seed = value,
            b"kept" => self.kept.push(value.into()),
            b"state" => self.state = value.into(),
            b"cwd" => self.cwd = value.into(),
            b"env" => self.env.push(value),
            b"arg" => self.args.push(value),
            b"terminal" => {
                let (rows, columns) = value.to_str()?.split_once('x')?;
                self.terminal = Some((rows.parse().ok()?, columns.parse().ok()?));
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_way() {
        let job = Job {
            time: 1_700_000_000,
            seed: "00ff".into(),
            kept: vec!["/tmp/a b".into()],
            state: "/t/state".into(),
            cwd: "/".into(),
            env: vec!["A=b=c\n".into(), "EMPTY=".into()],
            args: vec!["sh".into(), OsString::from_vec(vec![0xff, b'=']), "".into()],
            terminal: Some((24, 80)),
        };
        assert_eq!(Job::decode(&job.encode()), Some(job));
    }

    #[test]
    fn half_a_job_is_none() {
        for bytes in [&b""[..], b"time=x\0", b"arg\0", b"what=1\0", b"arg=sh"] {
            assert_eq!(Job::decode(bytes), None);
        }
    }
}
