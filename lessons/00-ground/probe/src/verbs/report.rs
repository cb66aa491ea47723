//! What a process can tell about itself without a working `/proc`, and what `/proc` adds.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::parent_id;

use super::Verb;
use crate::output::say;
use crate::{During, Result, errno, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "report", args: "", run: report },
    Verb { name: "pid", args: "", run: pid },
    Verb { name: "hostname", args: "[NAME]", run: hostname },
    Verb { name: "ns", args: "", run: namespaces },
    Verb { name: "env", args: "", run: env },
];

const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

fn report(_: &[String]) -> Result {
    pid(&[])?;
    say!("uid {}", sys::uid())?;
    say!("gid {}", sys::gid())?;
    hostname(&[])?;
    say!("cwd {}", sys::getcwd().unwrap_or_else(|error| errno::name(&error).into_owned()))?;
    say!("root {}", identity("/")?)?;
    say!("proc-entries {}", or_none(super::process::pids().ok().map(|pids| pids.len())))?;
    say!("proc-self {}", or_none(fs::read_link("/proc/self").ok().map(|to| to.display().to_string())))?;
    for name in NAMESPACES {
        say!("ns-{name} {}", or_none(namespace(name)))?;
    }
    Ok(())
}

fn pid(_: &[String]) -> Result {
    say!("pid {}", std::process::id())?;
    say!("ppid {}", parent_id())
}

fn hostname(args: &[String]) -> Result {
    if let Some(name) = args.first() {
        sys::set_hostname(name).during("sethostname")?;
    }
    say!("hostname {}", sys::hostname().during("gethostname")?)
}

fn namespaces(_: &[String]) -> Result {
    fs::read_link("/proc/self/ns/pid").during("readlink(/proc/self/ns/pid)")?;
    for name in NAMESPACES {
        say!("{name} {}", or_none(namespace(name)))?;
    }
    Ok(())
}

fn env(_: &[String]) -> Result {
    for (name, value) in std::env::vars_os() {
        say!("{}={}", name.display(), value.display())?;
    }
    Ok(())
}

/// The inode that names a namespace, from a link like `pid:[4026531836]`.
fn namespace(name: &str) -> Option<String> {
    let link = fs::read_link(format!("/proc/self/ns/{name}")).ok()?;
    let inode = link.to_str()?.split_once(":[")?.1.strip_suffix(']')?;
    Some(inode.to_owned())
}

/// `DEVICE:INODE`, which is one file and no other as long as it exists.
pub fn identity(path: &str) -> Result<String> {
    let file = fs::metadata(path).during(format_args!("stat({path})"))?;
    Ok(format!("{}:{}", file.dev(), file.ino()))
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".into(), |value| value.to_string())
}
