//! From the name of a program to `execve`, as execvp(3) does it.

use core::ffi::CStr;

use crate::say;
use crate::sys::{self, Errno, Words};

const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// `PATH_MAX` of the kernel.
const LONGEST: usize = 4096;

/// Replaces this process by the command. Returns only when that failed: the status that says why.
pub fn exec(command: Words, environment: Words) -> u8 {
    let Some(name) = command.get(0) else { return 1 };
    let error = search(name, command, environment);
    say::failed_to_execute(name, error);
    match error {
        Errno::ENOENT | Errno::ENOTDIR => 127,
        _ => 126,
    }
}

/// A name with a slash is a path; else it is looked for in every directory of `PATH`.
fn search(name: &CStr, command: Words, environment: Words) -> Errno {
    if name.to_bytes().contains(&b'/') || name.is_empty() {
        return attempt(name, command, environment);
    }
    let path = environment.value(b"PATH=").unwrap_or(DEFAULT_PATH);
    let mut failure = Errno::ENOENT;
    for directory in path.split(|byte| *byte == b':') {
        let mut buffer = [0; LONGEST];
        // An empty entry is the current directory.
        let directory = if directory.is_empty() { b"." } else { directory };
        let Some(candidate) = join(directory, name, &mut buffer) else { continue };
        match attempt(candidate, command, environment) {
            Errno::ENOENT | Errno::ENOTDIR => {}
            Errno::EACCES => failure = Errno::EACCES,
            error => return error,
        }
    }
    failure
}

/// A file that is executable and of no format that the kernel knows is a script of the shell.
fn attempt(path: &CStr, command: Words, environment: Words) -> Errno {
    match sys::execve(path, command, environment) {
        Errno::ENOEXEC => sys::execve(c"/bin/sh", command.as_script(path), environment),
        error => error,
    }
}

fn join<'a>(directory: &[u8], name: &CStr, buffer: &'a mut [u8; LONGEST]) -> Option<&'a CStr> {
    let bytes = directory.iter().chain(b"/").chain(name.to_bytes_with_nul());
    let length = directory.len() + 1 + name.to_bytes_with_nul().len();
    if length > buffer.len() {
        return None;
    }
    buffer.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    CStr::from_bytes_with_nul(&buffer[..length]).ok()
}
