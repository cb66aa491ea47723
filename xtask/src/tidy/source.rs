//! Rules for single files: who may print, where `unsafe` lives, how long a file may be.

use super::Violation;
use super::mask::code_only;

const LONGEST: usize = 300;

/// Checks one file; `name` is its path from the workspace root.
pub fn check(name: &str, text: &str) -> Vec<Violation> {
    let mut found = unfinished(name, text);
    if name.ends_with(".rs") {
        let code = code_only(text);
        found.extend(printing(name, &code));
        found.extend(unsafety(name, &code));
        found.extend(length(name, text));
    }
    found
}

/// Work left for later belongs into an issue; a test that is switched off proves nothing.
fn unfinished(name: &str, text: &str) -> Vec<Violation> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ig", "nore")];
    let marked = |line: &str| marks.into_iter().find(|mark| line.contains(mark));
    let message = |mark: &str| format!("{mark}: finish it, or write an issue");
    matching(name, text, |line| marked(line).map(message))
}

/// Lessons tell their story through ground's events; only ground's renderer, its command line and each
/// binary's `main.rs` write to a terminal.
fn printing(name: &str, code: &str) -> Vec<Violation> {
    const MACROS: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];
    let library = name.starts_with("lessons/") && name.contains("/src/");
    let renderer = name.starts_with("lessons/00-ground/src/story/")
        || name == "lessons/00-ground/src/lesson/cli.rs"
        || name.starts_with("lessons/00-ground/probe/");
    if !library || renderer || name.ends_with("/main.rs") {
        return Vec::new();
    }
    let called = |line: &str| MACROS.into_iter().find(|m| calls(line, m));
    let message = |m: &str| format!("{m}! in a lesson: tell it as an event of ground::story");
    matching(name, code, |line| called(line).map(message))
}

fn calls(line: &str, name: &str) -> bool {
    words(line).any(|(word, after)| word == name && after.starts_with('!'))
}

fn unsafety(name: &str, code: &str) -> Vec<Violation> {
    let in_sys = name.ends_with("/sys.rs") || name.contains("/src/sys/");
    if in_sys || name.starts_with("lessons/00-ground/probe/") {
        return Vec::new();
    }
    let message = || "unsafe outside of a sys.rs".to_owned();
    matching(name, code, |line| words(line).any(|(word, _)| word == "unsafe").then(message))
}

fn length(name: &str, text: &str) -> Vec<Violation> {
    let lines = text.lines().count();
    if lines <= LONGEST || name.starts_with("book/") {
        return Vec::new();
    }
    vec![Violation::new(name, lines, format!("{lines} lines; at most {LONGEST}: split the file"))]
}

fn matching(name: &str, text: &str, check: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let numbered = text.lines().zip(1..);
    numbered.filter_map(|(l, n)| Some(Violation::new(name, n, check(l)?))).collect()
}

/// The identifiers of a line, each with what follows it.
pub(super) fn words(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(part)?..];
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some((word, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, text: &str) -> Vec<usize> {
        check(name, text).iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn a_lesson_library_does_not_print() {
        let text =
            "//! println!\nfn f() {\n    println!(\"x\");\n    dbg!(1);\n    pprint!();\n}\n";
        assert_eq!(lines("lessons/02-mount-ns/src/lib.rs", text), [3, 4]);
        for allowed in [
            "lessons/02-mount-ns/src/main.rs",
            "lessons/00-ground/src/story/plain.rs",
            "lessons/00-ground/probe/src/eat.rs",
            "xtask/src/list.rs",
        ] {
            assert_eq!(lines(allowed, text), [0; 0], "{allowed}");
        }
    }

    #[test]
    fn unsafe_lives_in_sys() {
        let text = "#![allow(unsafe_code)]\n// unsafe\nlet x = unsafe { f() };\n";
        assert_eq!(lines("lessons/01-clone-pid/src/lib.rs", text), [3]);
        assert_eq!(lines("lessons/01-clone-pid/src/sys.rs", text), [0; 0]);
    }

    #[test]
    fn long_files_and_unfinished_work_are_found() {
        assert_eq!(lines("tests/lib.rs", &"\n".repeat(301)), [301]);
        assert_eq!(lines("tests/lib.rs", &"\n".repeat(300)), [0; 0]);
        let text = format!("ok\n// {}{}: later\n", "TO", "DO");
        assert_eq!(lines("book/src/intro.md", &text), [2]);
    }
}
