//! Forwarding: whether this namespace passes on packets that are not for it. It is off in a new kernel, and a box behind a
//! bridge reaches nobody but the host then. To turn it on makes a router of the machine; so it is asked for.

use std::fs;
use std::io::{IsTerminal, Write, stderr, stdin};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ground::call::{doing, quietly};
use ground::host::network::State;
use ground::{Error, Result};
use nix::errno::Errno;

/// Set to anything, it answers yes.
pub const YES: &str = "BXW_YES";

const SETTINGS: [(&str, &str); 2] = [
    ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
    ("net.ipv6.conf.all.forwarding", "/proc/sys/net/ipv6/conf/all/forwarding"),
];

/// Turns forwarding on, if it is off, and writes down what it was.
pub fn turn_on(state: &mut State, yes: bool) -> Result<()> {
    let off: Vec<_> =
        SETTINGS.iter().filter(|(_, file)| read(file).as_deref() == Some("0")).collect();
    if off.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = off.iter().map(|(name, _)| format!("{name}=1")).collect();
    if !yes && std::env::var_os(YES).is_none() && is_initial() {
        ask(&names.join(" "))?;
    }
    off.iter().try_for_each(|(_, file)| set(state, file, "1"))
}

/// Writes a setting of the namespace, and down what it was.
pub fn set(state: &mut State, file: &str, value: &str) -> Result<()> {
    let name = file.trim_start_matches("/proc/sys/").replace('/', ".");
    let before = read(file).unwrap_or_default();
    if before == value {
        return Ok(());
    }
    doing(format_args!("write {value} to {file}"))
        .like_args(format_args!("sysctl -w {name}={value}"))
        .hint(Errno::EROFS, "/proc/sys is read-only, as in a container")
        .run(|| fs::write(file, value))?;
    state.settings.push((file.to_string(), before));
    Ok(())
}

fn read(file: &str) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_string())
}

/// Whether this is the network namespace of the machine. Some settings are there only, for they have no namespace; and in
/// a container the machine is what its first process has.
fn is_initial() -> bool {
    let inode = |file: &str| fs::metadata(file).map(|meta| meta.ino()).ok();
    let first = inode("/proc/1/ns/net");
    Path::new("/proc/sys/net/core/dev_weight").exists()
        || first.is_some() && first == inode("/proc/self/ns/net")
}

fn ask(settings: &str) -> Result<()> {
    let refusal = || {
        Error::environment(format!(
            "{settings} makes a router of this machine, and was not allowed"
        ))
        .remedy(format!("add --yes, or: sudo sysctl -w {settings}"))
    };
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(refusal());
    }
    let question =
        format!("A bridge needs {settings}, until its last box has ended. Set it? [y/N] ");
    quietly("ask").run(|| stderr().write_all(question.as_bytes()))?;
    let mut answer = String::new();
    quietly("read the answer").run(|| stdin().read_line(&mut answer))?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(refusal()) }
}
