//! Which system calls the command may make.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ground::call::{doing, quietly};
use ground::story::notice;
use ground::text::{count, path};
use ground::{Error, Result};
use nix::errno::Errno;

use crate::beyond::seccomp::{Compiled, Profile, Surroundings, compile};
use crate::{CapSet, sys};

/// Docker's is 17 kB.
const LARGEST: u64 = 1 << 20;

// ANCHOR: seccomp
/// A filter: a small program that the kernel runs at the beginning of each system call, with the call's number and its six
/// arguments, and that says what becomes of it. It is inherited over fork and execve and cannot be taken off. See
/// seccomp(2).
///
/// It is compiled when this is made, on the host: between clone and execve there is nothing left but to hand it over.
#[derive(Clone, Debug, Default)]
pub struct Seccomp(Compiled);

impl Seccomp {
    /// Every call is allowed.
    pub fn unconfined() -> Seccomp {
        Seccomp::default()
    }

    /// The kit's own profile, for a box with these capabilities.
    pub fn default_profile(caps: CapSet) -> Result<Seccomp> {
        Seccomp::of(&Profile::kits_own()?, caps)
    }

    /// A profile in Docker's format or OCI's.
    pub fn of(profile: &Profile, caps: CapSet) -> Result<Seccomp> {
        let compiled = compile(profile, &Surroundings::here(caps)?)?;
        match compiled.unstartable {
            None => Ok(Seccomp(compiled)),
            Some(call) => Err(Error::usage(format!("seccomp profile: it does not allow {call}"))
                .remedy("without that no command can be started")),
        }
    }

    /// In every process of the box. Without CAP_SYS_ADMIN the kernel wants no_new_privs first.
    pub(crate) fn install(&self) -> Result<()> {
        self.0.programs.iter().try_for_each(|program| {
            doing(format_args!(
                "seccomp SECCOMP_SET_MODE_FILTER, {} instructions",
                count(program.len())
            ))
            .like("setpriv --seccomp-filter FILE COMMAND")
            .hint(
                Errno::EACCES,
                "without CAP_SYS_ADMIN this needs --security-opt no-new-privileges",
            )
            .hint(
                Errno::EPERM,
                "the filter before this one forbids it: the profile must allow seccomp",
            )
            .run(|| sys::seccomp(program, self.0.flags).map(drop))
        })
    }
    // ANCHOR_END: seccomp

    /// From a file.
    pub fn from_file(file: &Path, caps: CapSet) -> Result<Seccomp> {
        let text = read(file)?;
        let profile = Profile::parse(&text);
        let named = |e| Error::usage(format!("{}: {e}", file.display()));
        let seccomp = profile.and_then(|profile| Seccomp::of(&profile, caps)).map_err(named)?;
        let nobodys = &seccomp.0.unknown.nobodys;
        if !nobodys.is_empty() {
            let names = nobodys.join(", ");
            notice(format!("{}: no such system calls, left out: {names}", file.display()));
        }
        Ok(seccomp)
    }

    /// How many filters there are, and how many instructions they have together.
    pub fn size(&self) -> (usize, usize) {
        (self.0.programs.len(), self.0.programs.iter().map(Vec::len).sum())
    }
}

/// A profile is a small file; what has no end is none.
fn read(file: &Path) -> Result<String> {
    let what = format!("open seccomp profile {}", path(file.display()));
    let opened = quietly(what).run(|| File::open(file))?;
    let mut text = Vec::new();
    let what = format!("read seccomp profile {}", path(file.display()));
    quietly(what).run(|| opened.take(LARGEST + 1).read_to_end(&mut text))?;
    let wrong = |what: &str| Error::usage(format!("seccomp profile {}: {what}", file.display()));
    if text.len() as u64 > LARGEST {
        return Err(wrong("larger than 1 MiB"));
    }
    String::from_utf8(text).map_err(|_| wrong("not UTF-8"))
}
