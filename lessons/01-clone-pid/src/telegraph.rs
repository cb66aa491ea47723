//! The wire between host and child: a pair of SEQPACKET sockets, see unix(7).
//!
//! It carries the gate ("go on"), the child's story and its error text; and its end means something on both sides. The
//! child's end is close-on-exec: when the host reads end of file, `execve` has succeeded. The host's end dies with the
//! host: when the child reads end of file, nobody waits for it any more.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use ground::call::quietly;
use ground::story::{self, Event};
use ground::{Error, Result};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

/// What the child tells the host.
pub(crate) enum Message {
    /// A line of its story.
    Told(Event),
    /// It could not go on.
    Failed(Error),
    /// It stands at a gate and waits.
    Waiting,
    /// Its end is closed: it runs the command, or is dead.
    Closed,
}

const TOLD: u8 = b't';
const FAILED: u8 = b'f';
const WAITING: u8 = b'w';
const GO: u8 = b'g';

/// One end. Clones share the descriptor, which closes with the last of them.
#[derive(Clone)]
pub(crate) struct Telegraph(Rc<OwnedFd>);

impl From<OwnedFd> for Telegraph {
    fn from(fd: OwnedFd) -> Telegraph {
        Telegraph(Rc::new(fd))
    }
}

impl AsFd for Telegraph {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Telegraph {
    /// Both ends: the host's, the child's.
    pub(crate) fn pair() -> Result<(Telegraph, Telegraph)> {
        let (family, kind) = (AddressFamily::Unix, SockType::SeqPacket);
        let (host, child) = quietly("socketpair for the gate")
            .run(|| socketpair(family, kind, None, SockFlag::SOCK_CLOEXEC))?;
        Ok((host.into(), child.into()))
    }

    /// Host: opens the gate. A child that has died is found out by the next read.
    pub(crate) fn go(&self) -> Result<()> {
        match self.send(GO, &[]) {
            Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
            other => quietly("open the gate").run(|| other),
        }
    }

    /// Host: what the child says next.
    pub(crate) fn next(&self) -> Result<Message> {
        let mut buffer = vec![0; 64 << 10];
        let n = quietly("read from the child").run(|| self.receive(&mut buffer))?;
        let (tag, body) = match buffer[..n].split_first() {
            None => return Ok(Message::Closed),
            Some((tag, body)) => (*tag, body),
        };
        let garbled = |_| Error::new(ground::error::Kind::Failed, "the child's message is garbled");
        match tag {
            WAITING => Ok(Message::Waiting),
            TOLD => serde_json::from_slice(body).map(Message::Told).map_err(garbled),
            _ => serde_json::from_slice(body).map(Message::Failed).map_err(garbled),
        }
    }

    /// Child: waits at a gate. `false`: the host is gone.
    pub(crate) fn wait_for_go(&self) -> bool {
        self.receive(&mut [0]) == Ok(1)
    }

    /// Child: stands at a gate, says so, waits. `false`: the host is gone.
    pub(crate) fn announce_and_wait(&self) -> bool {
        self.send(WAITING, &[]).is_ok() && self.wait_for_go()
    }

    /// Child: the reason why it cannot go on.
    pub(crate) fn fail(&self, error: &Error) {
        // A host that is gone needs no reason.
        let _ = self.send(FAILED, &serde_json::to_vec(error).unwrap_or_default());
    }

    /// Child: from now on its story goes to the host, if anybody listens there.
    pub(crate) fn carry_story(&self) {
        if story::listening() {
            let wire = self.clone();
            story::tell_over(move |event| Ok(wire.send(TOLD, event)?));
        }
    }

    fn send(&self, tag: u8, body: &[u8]) -> nix::Result<()> {
        let message = [&[tag], body].concat();
        send(self.0.as_raw_fd(), &message, MsgFlags::MSG_NOSIGNAL).map(drop)
    }

    fn receive(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        loop {
            match recv(self.0.as_raw_fd(), buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                Err(Errno::ECONNRESET) => return Ok(0),
                other => return other,
            }
        }
    }
}
