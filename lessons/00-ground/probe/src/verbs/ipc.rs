//! System V shared memory, and sockets whose names live in the network namespace instead of a file system.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::Verb;
use crate::output::say;
use crate::{During, Failure, Result, sys};

pub const VERBS: &[Verb] = &[
    Verb { name: "shmget", args: "<KEY> [create]", run: shmget },
    Verb { name: "abstract-listen", args: "<NAME>", run: listen },
    Verb { name: "abstract-connect", args: "<NAME>", run: connect },
];

fn shmget(args: &[String]) -> Result {
    let key = super::number(&args[0])?;
    let create = match args.get(1).map(String::as_str) {
        None => false,
        Some("create") => true,
        Some(other) => return Err(Failure::Usage(format!("`{other}` is not `create`"))),
    };
    say!("shmid {}", sys::shmget(key, create).during(format_args!("shmget({key})"))?)
}

/// Serves one connection and ends.
fn listen(args: &[String]) -> Result {
    let listener = address(&args[0]).and_then(|at| UnixListener::bind_addr(&at));
    let listener = listener.during(format_args!("bind(@{})", args[0]))?;
    say!("listening @{}", args[0])?;
    listener.accept().during("accept")?;
    say!("accepted @{}", args[0])
}

fn connect(args: &[String]) -> Result {
    let stream = address(&args[0]).and_then(|at| UnixStream::connect_addr(&at));
    stream.during(format_args!("connect(@{})", args[0]))?;
    say!("connected @{}", args[0])
}

fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name)
}
