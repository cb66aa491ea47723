//! Break-outs, and how to tell whether one succeeded.

use std::fs;
use std::path::PathBuf;

use clone_pid::Container;
use ground::Result;
use ground::call::quietly;
use ground::lesson::run_dir;
use ground::proc::{Identity, Process};
use ground::story::{box_evidence, evidence, muted, output};
use ground::text::{device, inode};

/// What stands in the marker.
const MARK: &str = "this file is on the host";

/// The two ways out that a process in the box needs no help for: verbs of the probe.
pub const WAYS: [&str; 2] = ["escape-chroot", "escape-held-fd"];

/// A file outside every box, which nobody in one should be able to read. Its path is the same for all who have the
/// host's root.
pub fn marker() -> Result<String> {
    let marker: PathBuf = run_dir()?.join("marker");
    quietly(format_args!("write {}", marker.display())).run(|| fs::write(&marker, MARK))?;
    Ok(marker.to_string_lossy().into_owned())
}

/// Where an attacker is when the attack is over.
#[derive(Debug, PartialEq, Eq)]
pub enum Reached {
    /// Its `/` is the host's, and it has read the marker.
    Host,
    /// Its `/` is what it was.
    Nothing,
    /// Its `/` was the host's before the attack.
    NeverIn,
    /// Something between the two: neither what it was nor the host's.
    Elsewhere,
}

impl Reached {
    /// What that means.
    pub fn told(&self) -> &'static str {
        match self {
            Reached::Host => "out: its `/` is the host's, and it reads what it was not to see",
            Reached::Nothing => "still in: its `/` is what it was, and the marker has no name",
            Reached::NeverIn => "it was never in: its `/` was the host's before the attack",
            Reached::Elsewhere => "its `/` is neither what it was nor the host's",
        }
    }
}

/// Lets the box's command, an attack of the probe, run to its end. What it did and what came of it is told.
pub fn attack(container: Container) -> Result<Reached> {
    judge(&container.start()?.output()?.text)
}

/// [`attack`], without telling once more how such a box is made.
pub fn attack_again(container: Container) -> Result<Reached> {
    judge(&muted(|| container.start()?.output())?.text)
}

fn judge(text: &str) -> Result<Reached> {
    text.lines().filter_map(|line| line.strip_prefix("call ")).for_each(output);
    let host = shown(Process::this().root()?);
    let (before, after) = (value(text, "root-before"), value(text, "root-after"));
    evidence("device:inode of / on the host", marked(&host));
    box_evidence("of / before the attack", marked(before));
    box_evidence("of / after it", marked(after));
    box_evidence("the marker file, by its path on the host", value(text, "marker"));
    Ok(match value(text, "marker") {
        _ if before == host => Reached::NeverIn,
        MARK if after == host => Reached::Host,
        "ENOENT" if after == before => Reached::Nothing,
        _ => Reached::Elsewhere,
    })
}

/// As the probe writes it.
pub fn shown(Identity { dev, ino }: Identity) -> String {
    format!("{dev}:{ino}")
}

/// `DEVICE:INODE` for the story: the device of a tmpfs changes from box to box, the inode of its root does not.
pub fn marked(identity: &str) -> String {
    match identity.split_once(':') {
        Some((dev, ino)) => format!("{}:{}", device(dev), inode(ino)),
        None => identity.to_string(),
    }
}

/// The value of a line `key value` that the probe printed; empty without one.
pub fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let of_line = |line: &'a str| line.strip_prefix(key)?.strip_prefix(' ');
    text.lines().find_map(of_line).unwrap_or_default()
}

/// What the probe's `stat` of `path` says: `found`, or the errno of this path and of no other.
pub fn looked_up<'a>(text: &'a str, path: &str) -> &'a str {
    let failed = format!("lstat({path}): ");
    let errno = text.lines().find_map(|line| line.split_once(failed.as_str())?.1.split(':').next());
    match value(text, "type") {
        "" => errno.unwrap_or("neither found nor refused"),
        _ => errno.unwrap_or("found"),
    }
}

/// The errno of the first call that failed, as the probe prints it: `call chroot("esc") = -1 EPERM`.
pub fn first_errno(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("call ")?.split_once(" = -1 ")).map(|(_, e)| e)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "call chdir(\"/\") = 0\ncall chroot(\"esc\") = -1 EPERM\nroot-before 1:2\n";

    #[test]
    fn a_value_follows_its_whole_key() {
        assert_eq!(value(TEXT, "root-before"), "1:2");
        assert_eq!(value(TEXT, "root"), "");
    }

    #[test]
    fn only_the_errno_of_the_path_itself_counts() {
        let missing = "bxw-probe script: stat: lstat(/boot): ENOENT: No such file or directory";
        assert_eq!(looked_up(missing, "/boot"), "ENOENT");
        assert_eq!(looked_up(missing, "/bo"), "neither found nor refused");
        assert_eq!(looked_up("type dir\n", "/boot"), "found");
    }

    #[test]
    fn the_first_failure_is_named() {
        assert_eq!(first_errno(TEXT), Some("EPERM"));
        assert_eq!(first_errno("call chdir(\"/\") = 0"), None);
    }
}
