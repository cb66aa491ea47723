//! The mount table of the probe's mount namespace.

use std::fs;

use super::Verb;
use crate::output::{call, say};
use crate::{During, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "mounts", args: "", run: mounts },
    Verb { name: "mount-tmpfs", args: "<DIR>", run: mount_tmpfs },
];

fn mounts(_: &[String]) -> Result {
    let table = fs::read("/proc/self/mountinfo").during("open(/proc/self/mountinfo)")?;
    let table = String::from_utf8_lossy(&table);
    // proc_pid_mountinfo(5): the fifth field is the mount point, relative to the root of this process.
    table.lines().filter_map(|line| line.split(' ').nth(4)).try_for_each(|at| say!("{}", unescape(at)))
}

/// The kernel writes blank, tab, newline and backslash as `\` and three octal digits.
fn unescape(field: &str) -> String {
    let code = ["\\040", "\\011", "\\012", "\\134"];
    // The backslash last: the text that it produces is no escape.
    code.iter().zip([" ", "\t", "\n", "\\"]).fold(field.to_owned(), |text, (code, to)| text.replace(code, to))
}

fn mount_tmpfs(args: &[String]) -> Result {
    let dir = &args[0];
    call(format_args!("mount(\"tmpfs\", {dir:?}, \"tmpfs\")"), sys::mount("tmpfs", dir, "tmpfs"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_of_mountinfo_are_undone() {
        assert_eq!(super::unescape(r"/a\040b\134040"), r"/a b\040");
    }
}
