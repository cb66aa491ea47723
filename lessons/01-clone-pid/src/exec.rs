//! The last call: search the box's `PATH`, and `execve`.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use ground::error::Kind;
use ground::{Error, Result};
use nix::errno::Errno;

use crate::sys;

/// Where commands are looked for when the box's environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Program, arguments and environment of the box's command.
pub(crate) struct Program {
    pub(crate) argv: Vec<CString>,
    pub(crate) envp: Vec<CString>,
}

impl Program {
    /// Replaces this process by the command; returns only when that failed.
    pub(crate) fn exec(&self) -> Result<Infallible> {
        let (argv, envp) = (pointers(&self.argv), pointers(&self.envp));
        let candidates = self.candidates();
        let mut failure = Errno::ENOENT;
        for candidate in &candidates {
            match sys::execve(candidate, &argv, &envp) {
                // Not here, or a directory on the way is closed to us: look on, as the shell does.
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::EACCES => failure = Errno::EACCES,
                errno => return Err(explain(candidate, errno)),
            }
        }
        // ENOENT is also said of a file that is there when its interpreter is not.
        let found = candidates.iter().find(|candidate| exists(candidate));
        Err(explain(found.unwrap_or(&self.argv[0]), failure))
    }

    /// A name with a slash is a path; else it is looked for in every directory of `PATH`.
    fn candidates(&self) -> Vec<CString> {
        let name = &self.argv[0];
        if name.as_bytes().contains(&b'/') {
            return vec![name.clone()];
        }
        let path = self.envp.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
        let directories = path.unwrap_or(DEFAULT_PATH.as_bytes()).split(|byte| *byte == b':');
        let join = |dir: &[u8]| CString::new([dir, b"/", name.as_bytes()].concat()).ok();
        directories.filter(|dir| !dir.is_empty()).filter_map(join).collect()
    }

    /// Base name of the program: what `/proc/PID/comm` will show.
    pub(crate) fn name(&self) -> &CStr {
        let bytes = self.argv[0].to_bytes_with_nul();
        let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        CStr::from_bytes_with_nul(&bytes[start..]).unwrap_or(&self.argv[0])
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
}

fn exists(path: &CStr) -> bool {
    Path::new(OsStr::from_bytes(path.to_bytes())).exists()
}

fn explain(path: &CStr, errno: Errno) -> Error {
    let error = Error::os(format_args!("execve {}", path.to_string_lossy()), errno);
    match errno {
        Errno::ENOENT | Errno::ENOTDIR if exists(path) => error
            .remedy("the file is there, but not the interpreter or loader that it names")
            .kind(Kind::NotFound),
        Errno::ENOENT | Errno::ENOTDIR => {
            error.remedy("there is no such command in the box").kind(Kind::NotFound)
        }
        Errno::EACCES => error
            .remedy("not an executable file, or a directory on the way is closed; check its mode")
            .kind(Kind::NotExecutable),
        Errno::ENOEXEC => error
            .remedy("neither a program for this machine nor a script with a #! line")
            .kind(Kind::NotExecutable),
        Errno::E2BIG => error
            .remedy("arguments and environment exceed a quarter of the stack limit (`ulimit -s`)")
            .kind(Kind::NotExecutable),
        _ => error.kind(Kind::NotExecutable),
    }
}
