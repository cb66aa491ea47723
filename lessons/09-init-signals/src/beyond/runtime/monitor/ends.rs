//! The two kinds of ends that a [`Hub`](super::relay::Hub) connects.

use std::os::fd::OwnedFd;

use nix::errno::Errno;

use super::wire::Wire;

/// What the box writes to.
pub struct Output {
    pub(super) stream: u8,
    pub(super) fd: OwnedFd,
}

impl Output {
    /// `o` or `e`, and our side of it.
    pub fn new(stream: u8, fd: OwnedFd) -> Output {
        Output { stream, fd }
    }
}

/// Somebody who is attached.
pub struct Client {
    /// The way to them.
    pub wire: Wire,
    /// A message for which there was no room.
    pub waiting: Option<Vec<u8>>,
    /// Nobody is at the other end any more.
    pub gone: bool,
}

impl Client {
    /// Nothing waits for them.
    pub fn new(wire: Wire) -> Client {
        Client { wire, waiting: None, gone: false }
    }

    /// The box has ended, and what is still in its pipes is all that there will be: with more room it can be sent at once,
    /// and nobody need wait for who reads slowly. The kernel keeps it when this side is closed.
    pub fn widen(&mut self) {
        self.wire.widen();
        if let Some(message) = self.waiting.take() {
            self.send(&message);
        }
    }

    /// Sends, or keeps what there is no room for.
    pub fn send(&mut self, message: &[u8]) {
        match self.wire.try_send(message) {
            Ok(()) => {}
            Err(Errno::EAGAIN | Errno::ENOBUFS) => self.waiting = Some(message.to_vec()),
            Err(_) => self.gone = true,
        }
    }
}
