//! Forwarding: whether this namespace passes on packets that are not for it. It is off in a new kernel, and a box behind a
//! bridge reaches nobody but the host then. To turn it on makes a router of the machine; so it is asked for.

use std::fs;
use std::io::{IsTerminal, Write, stderr, stdin};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ground::call::{doing, quietly};
use ground::host::forwarding::Share;
use ground::host::network::shared_name;
use ground::text::name;
use ground::{Error, Result};
use nix::errno::Errno;

/// Set to anything, it answers yes.
pub const YES: &str = "BXW_YES";

/// Name and file of the setting, and the directory of what each link has of its own.
type Setting = (&'static str, &'static str, &'static str);

const SETTINGS: [Setting; 2] = [
    ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf"),
    (
        "net.ipv6.conf.all.forwarding",
        "/proc/sys/net/ipv6/conf/all/forwarding",
        "/proc/sys/net/ipv6/conf",
    ),
];

/// Turns forwarding on, if it is off. What it was is written down first: whoever is killed in between leaves too much on
/// paper, and not too little. As long as the share is held, nobody turns it off. `None` when it was on before all boxes.
pub fn turn_on(yes: bool) -> Result<Option<Share>> {
    loop {
        let share = Share::take()?;
        let is_off = |(_, file, _): &&Setting| read(file).as_deref() == Some("0");
        let off: Vec<_> = SETTINGS.iter().filter(is_off).collect();
        if off.is_empty() {
            return Ok(share);
        }
        let names: Vec<_> = off.iter().map(|(name, ..)| format!("{name}=1")).collect();
        if !yes && std::env::var_os(YES).is_none() && is_initial() {
            ask(&names.join(" "))?;
        }
        let beside: Vec<_> = off.iter().flat_map(|(_, _, directory)| beside(directory)).collect();
        // The last is put back first: what the kernel changes together with forwarding comes after it.
        let before = off.iter().map(|(_, file, _)| (file.to_string(), "0".to_string()));
        let before = beside.iter().cloned().chain(before).collect();
        let Some(share) = share.map_or_else(|| Share::first(&before), |share| Ok(Some(share)))?
        else {
            continue;
        };
        for (file, _) in beside.iter().filter(|(file, _)| file.ends_with("/accept_ra")) {
            write(file, "2")?;
        }
        off.iter().try_for_each(|(_, file, _)| write(file, "1"))?;
        return Ok(Some(share));
    }
}

/// What else changes with forwarding. Off again, the kernel accepts redirects again, and no link forwards that did so on its
/// own. On, it forgets what routers have announced and listens to them no more, unless a link's `accept_ra` is 2: by that
/// the machine would lose its own way out.
fn beside(directory: &str) -> Vec<(String, String)> {
    let links = fs::read_dir(directory).into_iter().flatten().flatten();
    let links = links.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut files = vec![(format!("{directory}/all/accept_redirects"), "0")];
    for link in links.filter(|link| link != "all") {
        files.push((format!("{directory}/{link}/forwarding"), "1"));
        // Nor shall links listen that are made from now on: those of boxes.
        if !["default", "lo"].contains(&&link[..]) {
            files.push((format!("{directory}/{link}/accept_ra"), "1"));
        }
    }
    files.retain(|(file, value)| read(file).as_deref() == Some(value));
    files.into_iter().map(|(file, value)| (file, value.to_string())).collect()
}

/// Keeps a box from becoming this host's router: by a router advertisement it could, on a link where the host accepts them.
pub fn ignore_announcements(link: &str) -> Result<()> {
    let file = format!("/proc/sys/net/ipv6/conf/{link}/accept_ra");
    // Without IPv6 there is none.
    if !Path::new(&file).exists() {
        return Ok(());
    }
    quietly(format_args!("write 0 to {file}")).run(|| fs::write(&file, "0"))
}

/// Writes a setting of the namespace.
pub fn write(file: &str, value: &str) -> Result<()> {
    let shown = file.replace(&shared_name(), &name(shared_name()).to_string());
    let key = shown.trim_start_matches("/proc/sys/").replace('/', ".");
    doing(format_args!("write {value} to {shown}"))
        .like_args(format_args!("sysctl -w {key}={value}"))
        .hint(Errno::EROFS, "/proc/sys is read-only, as in a container")
        .run(|| fs::write(file, value))
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
