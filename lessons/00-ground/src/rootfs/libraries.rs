//! The shared libraries that a program needs, as ldd(1) finds them.

use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::call::quietly;
use crate::error::{Error, Result};

/// One file that must be in the tree: under the name by which the program or its loader asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Library {
    pub at: PathBuf,
    pub source: PathBuf,
}

/// The libraries of `program` and the loader that it names; none when it is static.
pub fn of(program: &Path) -> Result<Vec<Library>> {
    let mut ldd = Command::new("ldd");
    ldd.arg(program).stdin(Stdio::null()).env("LC_ALL", "C");
    ldd.env_remove("LD_LIBRARY_PATH").env_remove("LD_PRELOAD");
    let output = quietly(format_args!("execute ldd {}", program.display())).run(|| ldd.output())?;
    let fails = |why: String| Error::environment(format!("ldd {}: {why}", program.display()));
    if !output.status.success() {
        return if is_static(&output) { Ok(Vec::new()) } else { Err(fails(first_line(&output))) };
    }
    parse(&String::from_utf8_lossy(&output.stdout))
        .map_err(|name| fails(format!("{name} is not found")))
}

/// The words of glibc and of musl.
fn is_static(output: &Output) -> bool {
    let said =
        [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    ["not a dynamic executable", "Not a valid dynamic program"]
        .iter()
        .any(|words| said.contains(words))
}

fn first_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().next().map_or_else(|| output.status.to_string(), str::to_owned)
}

/// Reads lines like `libc.so.6 => /lib/libc.so.6 (0x7f…)` and `/lib64/ld-linux-x86-64.so.2 (0x7f…)`. The error is the
/// name of a library that was not found.
fn parse(output: &str) -> Result<Vec<Library>, String> {
    let mut libraries = Vec::new();
    for line in output.lines().map(str::trim) {
        // Without the address. A line that is no path has none: `statically linked`, and the vDSO in a moment.
        let line = line.rsplit_once(" (0x").map_or(line, |(line, _)| line);
        let (name, path) = line.split_once(" => ").unwrap_or((line, line));
        if path == "not found" {
            return Err(name.to_owned());
        }
        if !path.starts_with('/') {
            continue;
        }
        // A name with a slash is used as it is, by the kernel for the loader and by the loader for a library.
        for at in [path, name] {
            let library = Library { at: plain(Path::new(at)), source: path.into() };
            if at.starts_with('/') && !libraries.contains(&library) {
                libraries.push(library);
            }
        }
    }
    Ok(libraries)
}

/// Removes `.` and `..` by the letter, so that the path stays inside whatever it is put below.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::from("/"), |mut plain, component| {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            _ => {}
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(output: &str) -> Vec<(String, String)> {
        let libraries = parse(output).unwrap().into_iter();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        libraries.map(|library| (text(library.at), text(library.source))).collect()
    }

    fn same(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|name| (name.to_string(), name.to_string())).collect()
    }

    #[test]
    fn glibc_names_the_loader_without_an_arrow_and_the_vdso_without_a_path() {
        let output = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = same(&["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert_eq!(paths(output), expected);
        // Before glibc 2.26 the vDSO had an arrow to nothing.
        assert_eq!(paths("\tlinux-gate.so.1 =>  (0xb7f)\n"), []);
    }

    #[test]
    fn musl_gives_its_loader_twice() {
        let output = "\t/lib/ld-musl-x86_64.so.1 (0x7f10)\n\
                      \tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f10)\n";
        assert_eq!(paths(output), same(&["/lib/ld-musl-x86_64.so.1"]));
    }

    #[test]
    fn a_loader_that_lies_elsewhere_is_put_under_both_names() {
        let output =
            "\t/lib64/ld-linux-x86-64.so.2 => /nix/store/a-glibc/lib/ld-linux-x86-64.so.2 (0x7f)\n";
        let source = "/nix/store/a-glibc/lib/ld-linux-x86-64.so.2".to_string();
        let loader = "/lib64/ld-linux-x86-64.so.2".to_string();
        assert_eq!(paths(output), [(source.clone(), source.clone()), (loader, source)]);
    }

    #[test]
    fn a_static_program_has_none() {
        assert_eq!(paths("\tstatically linked\n"), []);
        assert_eq!(paths("\tnot a dynamic executable\n"), []);
        assert_eq!(paths(""), []);
    }

    #[test]
    fn a_missing_library_is_named() {
        assert_eq!(parse("\tlibcap.so.2 => not found\n"), Err("libcap.so.2".to_string()));
    }

    #[test]
    fn dots_do_not_lead_out() {
        assert_eq!(plain(Path::new("/lib/../../../etc/./x")), Path::new("/etc/x"));
    }
}
