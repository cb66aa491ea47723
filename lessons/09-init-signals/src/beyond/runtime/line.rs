//! What a [`Session`](super::attach::Session) is connected to: a monitor, or the terminal of a command that it waits for
//! itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ground::Result;
use ground::call::quietly;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{read, write};

use super::monitor::wire::{LARGEST, Message, Wire};
use super::sys;

/// The far end.
pub enum Line {
    /// Of a box in the background.
    Monitor(Wire),
    /// Of a guest.
    Terminal(OwnedFd),
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Line::Monitor(wire) => wire.as_fd(),
            Line::Terminal(master) => master.as_fd(),
        }
    }
}

impl Line {
    /// To this master. It never makes us wait: whoever types must go on reading.
    pub fn terminal(master: OwnedFd) -> Result<Line> {
        quietly("fcntl F_SETFL O_NONBLOCK")
            .run(|| fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)))?;
        Ok(Line::Terminal(master))
    }

    /// Sends what there is room for, and leaves the rest in `message`. What nobody will ever take is gone.
    pub fn push(&self, message: &mut Vec<u8>) {
        let gone = match self {
            Line::Monitor(wire) => match wire.try_send(message) {
                Err(Errno::EAGAIN | Errno::ENOBUFS) => 0,
                _ => message.len(),
            },
            Line::Terminal(master) if message[0] == b'i' => match write(master, &message[1..]) {
                Ok(n) if n + 1 < message.len() => {
                    message.drain(1..=n);
                    0
                }
                Err(Errno::EAGAIN | Errno::EINTR) => 0,
                _ => message.len(),
            },
            Line::Terminal(master) => {
                if let Some(Message::Window(size)) = Message::parse(message) {
                    let _ = sys::resize(master.as_fd(), size);
                }
                message.len()
            }
        };
        message.drain(..gone);
    }

    /// What comes next, once there is something; `None` at the end. A terminal says EIO when nobody has its other side.
    pub fn receive(&self) -> Option<Message> {
        let master = match self {
            Line::Monitor(wire) => return wire.receive(),
            Line::Terminal(master) => master,
        };
        let mut buffer = [0; LARGEST];
        match read(master, &mut buffer) {
            Ok(n @ 1..) => Some(Message::Wrote(b'o', buffer[..n].to_vec())),
            Err(Errno::EAGAIN | Errno::EINTR) => Some(Message::Wrote(b'o', Vec::new())),
            _ => Some(Message::Ended(0)),
        }
    }
}
