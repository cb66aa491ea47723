//! The messages between a monitor and those who are attached to it, over SEQPACKET sockets: unix(7) keeps each whole.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use ground::call::quietly;
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, listen, recv,
    send, setsockopt, socket, socketpair, sockopt,
};

use crate::beyond::runtime::terminal::Size;

/// The most that one message carries.
pub const LARGEST: usize = 32 << 10;

/// A message, by its first byte.
#[derive(Debug)]
pub enum Message {
    /// `r`: the box runs.
    Ready,
    /// `f`: it could not be started.
    Failed(Error),
    /// `o`, `e`: it wrote something.
    Wrote(u8, Vec<u8>),
    /// `x`: it has ended, with this status.
    Ended(u8),
    /// `i`: something for it to read.
    Input(Vec<u8>),
    /// `c`: there will be no more of that.
    Close,
    /// `w`: the terminal has another size.
    Window(Size),
    /// `s`: a signal for its first process.
    Signal(i32),
}

/// One end of a connection.
#[derive(Debug)]
pub struct Wire(OwnedFd);

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Wire {
    fn from(fd: OwnedFd) -> Wire {
        Wire(fd)
    }
}

impl Wire {
    /// Both ends.
    pub fn pair() -> Result<(Wire, Wire)> {
        let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
        let (one, other) = quietly("socketpair for the monitor")
            .run(|| socketpair(family, kind, None, SockFlag::SOCK_CLOEXEC))?;
        Ok((Wire(one), Wire(other)))
    }

    /// To the monitor that listens there.
    pub fn connect(at: &Path) -> Result<Wire> {
        let fd = new_socket()?;
        let address = quietly("make an address").run(|| UnixAddr::new(at))?;
        quietly(format_args!("connect to {}", at.display()))
            .hint(Errno::ENOENT, "it runs in the foreground of another terminal, or has just ended")
            .hint(Errno::ECONNREFUSED, "its monitor has just ended")
            .run(|| connect(fd.as_raw_fd(), &address))?;
        Ok(Wire(fd))
    }

    /// Listens there.
    pub fn listen(at: &Path) -> Result<OwnedFd> {
        let fd = new_socket()?;
        let address = quietly("make an address").run(|| UnixAddr::new(at))?;
        quietly(format_args!("bind {}", at.display())).run(|| bind(fd.as_raw_fd(), &address))?;
        quietly(format_args!("listen at {}", at.display()))
            .run(|| listen(&fd, Backlog::new(16).unwrap_or(Backlog::MAXCONN)))?;
        Ok(fd)
    }

    /// Sends a message; waits for room.
    pub fn send(&self, message: &Message) -> nix::Result<()> {
        self.send_bytes(&message.bytes(), MsgFlags::empty())
    }

    /// Sends what is a message already, unless there is no room for it.
    pub fn try_send(&self, bytes: &[u8]) -> nix::Result<()> {
        self.send_bytes(bytes, MsgFlags::MSG_DONTWAIT)
    }

    fn send_bytes(&self, bytes: &[u8], flags: MsgFlags) -> nix::Result<()> {
        loop {
            match send(self.0.as_raw_fd(), bytes, flags | MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => continue,
                other => return other.map(drop),
            }
        }
    }

    /// As much room for what is sent as the system allows: SO_SNDBUF in socket(7).
    pub fn widen(&self) {
        let _ = setsockopt(&self.0, sockopt::SndBuf, &(1 << 20));
    }

    /// The next message; `None` when the other side is gone.
    pub fn receive(&self) -> Option<Message> {
        let mut buffer = vec![0; LARGEST + 1];
        loop {
            match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                // It went without having read all that we sent. What it had sent is there all the same.
                Err(Errno::EINTR | Errno::ECONNRESET) => continue,
                Ok(n @ 1..) => return Message::parse(&buffer[..n]),
                _ => return None,
            }
        }
    }
}

fn new_socket() -> Result<OwnedFd> {
    let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
    quietly("make a socket").run(|| socket(family, kind, SockFlag::SOCK_CLOEXEC, None))
}

impl Message {
    /// As it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let with = |tag: u8, rest: &[u8]| [&[tag], rest].concat();
        match self {
            Message::Ready => with(b'r', &[]),
            Message::Failed(error) => with(b'f', &serde_json::to_vec(error).unwrap_or_default()),
            Message::Wrote(stream, data) => with(*stream, data),
            Message::Ended(code) => with(b'x', &[*code]),
            Message::Input(data) => with(b'i', data),
            Message::Close => with(b'c', &[]),
            Message::Window(size) => {
                with(b'w', &[size.rows.to_le_bytes(), size.columns.to_le_bytes()].concat())
            }
            Message::Signal(signal) => with(b's', &[*signal as u8]),
        }
    }

    /// `None` for what we never send.
    pub fn parse(bytes: &[u8]) -> Option<Message> {
        let (tag, rest) = bytes.split_first()?;
        Some(match (tag, rest) {
            (b'r', []) => Message::Ready,
            (b'f', json) => Message::Failed(serde_json::from_slice(json).ok()?),
            (b'o' | b'e', data) => Message::Wrote(*tag, data.to_vec()),
            (b'x', [code]) => Message::Ended(*code),
            (b'i', data) => Message::Input(data.to_vec()),
            (b'c', []) => Message::Close,
            (b'w', &[a, b, c, d]) => Message::Window(Size {
                rows: u16::from_le_bytes([a, b]),
                columns: u16::from_le_bytes([c, d]),
            }),
            (b's', [signal]) => Message::Signal(i32::from(*signal)),
            _ => return None,
        })
    }
}
