//! Ways out of a box, tried twice: with the protection off, and on.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use chroot::Rootfs;
use clone_pid::{Container, IpcNamespace, PidNamespace, Running};
use ground::Result;
use ground::call::quietly;
use ground::lesson::{Findings, run_dir};
use ground::needs::Need;
use ground::rootfs::probe_files;
use ground::story::{box_evidence, conclude, muted, output, step};
use ground::text::path;
use mount_ns::{Dev, MountNamespace, Proc};

use crate::stage::protected;

/// The probe, in the attackers' root.
pub const PROBE: &str = "/bxw-probe";

/// What stands in a file that no box may read.
pub const SECRET: &str = "this file is the host's";

/// A known way out of a box.
pub struct Escape {
    /// What is done.
    pub name: &'static str,
    /// What became known by it.
    pub known: &'static str,
    /// What the box of the first attempt lacks or has too much of.
    pub open: &'static str,
    /// What closes it.
    pub closed: &'static str,
    /// What the attempt cannot do without.
    pub needs: &'static [Need],
    /// Tries it.
    pub attempt: fn(Protection) -> Result<Outcome>,
}

/// Whether the box has what closes the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It has not.
    Off,
    /// It has.
    On,
}

/// How an attempt ended.
pub struct Outcome {
    /// Whether the attacker has reached what is the host's.
    pub out: bool,
    /// What it reached, or the errno that it met.
    pub said: String,
}

impl Outcome {
    /// Out when `reached`; else the first errno that the attacker's calls met.
    pub fn of(text: &str, reached: Option<&str>) -> Outcome {
        match reached {
            Some(what) => Outcome { out: true, said: what.to_string() },
            None => Outcome { out: false, said: errno(text).unwrap_or("nothing").to_string() },
        }
    }

    /// Out when the attacker printed the secret.
    pub fn by_secret(text: &str) -> Outcome {
        Outcome::of(text, text.contains(SECRET).then_some("read what is the host's"))
    }
}

/// An experiment about one of them: it leads out, then it does not. Returns whether it was so.
pub fn twice(escape: &Escape, findings: &mut Findings) -> Result<bool> {
    step(format!("Off: {}", escape.open));
    let off = (escape.attempt)(Protection::Off)?;
    box_evidence("came to", &off.said);
    step(format!("On: {}", escape.closed));
    let on = (escape.attempt)(Protection::On)?;
    box_evidence("came to", &on.said);
    let closed = off.out && !on.out;
    if closed {
        conclude(format!("{}: closed by {}", escape.known, escape.closed));
    }
    findings.holds("C238", closed);
    Ok(closed)
}

/// A box with a root of its own, the probe in it and nothing else; what it prints is captured.
pub fn boxed(verb: &[&str]) -> Result<Container> {
    let container = Container::new(&[&[PROBE], verb].concat())?;
    container
        .with(PidNamespace)
        .with(IpcNamespace)
        .with(MountNamespace::private())
        .with(Rootfs::new(root()?))
        .with(Proc)
        .with(Dev::default())
        .capture()
}

/// The same with what the default box gives up, or not.
pub fn sealed(container: Container, protection: Protection) -> Result<Container> {
    match protection {
        Protection::Off => Ok(container),
        Protection::On => protected(container),
    }
}

/// Runs a box to its end; the attacker's calls are told, how its box is made is not.
pub fn run(container: Container) -> Result<String> {
    let text = muted(|| container.start()?.output())?.text;
    tell(&text);
    Ok(text)
}

/// The same, where a value in the calls differs from machine to machine.
pub fn run_marking(container: Container, value: &str, marked: impl Display) -> Result<String> {
    let text = muted(|| container.start()?.output())?.text;
    tell(&text.replace(value, &marked.to_string()));
    Ok(text)
}

/// What a box says until it closes its output.
pub fn rest(running: &mut Running) -> Result<String> {
    let mut text = String::new();
    while let Some(line) = running.line()? {
        text += &(line + "\n");
    }
    tell(&text);
    Ok(text)
}

/// The directory of this run has another name each time.
fn tell(text: &str) {
    let own = run_dir().map(|dir| dir.display().to_string()).unwrap_or_default();
    let marked = path(&own).to_string();
    let calls = text.lines().filter_map(|line| line.strip_prefix("call "));
    calls.for_each(|call| output(call.replace(&own, &marked)));
}

/// A file of this run's own that is outside every box, and its path.
pub fn secret() -> Result<PathBuf> {
    let at = run_dir()?.join("secret");
    quietly(format_args!("write {}", at.display())).run(|| fs::write(&at, SECRET))?;
    Ok(at)
}

/// The attackers' root: a directory beside the secret, on the same file system.
pub fn root() -> Result<PathBuf> {
    let root = run_dir()?.join("attackers");
    if root.is_dir() {
        return Ok(root);
    }
    let files = probe_files()?;
    quietly(format_args!("fill {}", root.display())).run(|| {
        for dir in ["proc", "dev", "sys", "tmp"] {
            fs::create_dir_all(root.join(dir))?;
        }
        fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
        files.iter().try_for_each(|(at, source)| {
            let at = root.join(at);
            fs::create_dir_all(at.parent().unwrap_or(&root))?;
            fs::copy(source, at).map(drop)
        })
    })?;
    Ok(root)
}

/// The first errno in what was printed: `call open("/x") = -1 EROFS`, `bxw-probe cat: open(/x): EROFS: Read-only…`, and in
/// the same form an error of the lesson's own.
pub fn errno(text: &str) -> Option<&str> {
    text.lines().find_map(|line| match line.rsplit_once(" = -1 ") {
        Some((call, errno)) if call.starts_with("call ") => Some(errno),
        _ => line.split(": ").skip(1).find(|word| is_errno(word)),
    })
}

fn is_errno(word: &str) -> bool {
    word.len() > 2
        && word.starts_with('E')
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errno_of_the_first_failure_is_found() {
        assert_eq!(errno("call a = 0\ncall open(\"/x\", O_WRONLY) = -1 EROFS\n"), Some("EROFS"));
        assert_eq!(
            errno("bxw-probe script: cat: read(/x): EACCES: Permission denied"),
            Some("EACCES")
        );
        assert_eq!(errno("line Ex\n"), None);
    }
}
