//! Netlink: how the kernel is asked about networks. See netlink(7) and rtnetlink(7).
//!
//! It is a socket, and whoever is at the other end is the kernel. A request is a message: a header, a fixed structure, and
//! attributes. The answer to a change is one number, 0 or an errno; to a question, a row of messages, the last of which
//! says that it is the last.
//!
//! ```text
//!   nlmsghdr           ifinfomsg              attributes
//!   ┌─────┬────┬─────┬─────┬─────┬──────┬───────┬────────────────────┬───────────────────────┐
//!   │ len │type│flags│ seq │ pid │family│ index │ len│type│ "bxw42\0" │ len│type│ (attributes)│
//!   └─────┴────┴─────┴─────┴─────┴──────┴───────┴────────────────────┴───────────────────────┘
//! ```
//!
//! | to see … | look at |
//! | --- | --- |
//! | a message being built, an answer being taken apart | [`message`] |
//! | the socket: send, receive, acknowledge | [`Netlink`] |
//! | links, addresses, routes, neighbours | [`link`], [`address`], [`route`], [`neighbour`] |
//!
//! A netlink socket belongs to the network namespace in which it was made, wherever its owner goes.

pub mod address;
mod kinds;
pub mod link;
mod links;
pub mod message;
pub mod neighbour;
pub mod route;
mod types;

pub use address::Address;
pub use links::{Link, State};
pub use neighbour::Neighbour;
pub use route::Route;
pub use types::{Cidr, Mac, shown};

use std::fmt::Display;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use ground::Result;
use ground::call::{IntoErrno, doing, quietly};
use ground::story::listening;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

use message::{Message, Received, error_of, messages};

/// The kernel makes no answer longer than this.
const LONGEST: usize = 32 << 10;

// ANCHOR: netlink
/// A conversation with the kernel.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// About links, addresses and routes of the network namespace that this process is in now.
    pub fn route() -> Result<Netlink> {
        Netlink::open("NETLINK_ROUTE", SockProtocol::NetlinkRoute)
    }

    /// About packet filters and address translation of it.
    pub fn netfilter() -> Result<Netlink> {
        Netlink::open("NETLINK_NETFILTER", SockProtocol::NetlinkNetFilter)
    }

    fn open(name: &str, protocol: SockProtocol) -> Result<Netlink> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = quietly(format_args!("socket AF_NETLINK {name}"))
            .run(|| socket(AddressFamily::Netlink, SockType::Raw, flags, protocol))?;
        quietly("setsockopt NETLINK_EXT_ACK").run(|| crate::sys::want_words(socket.as_fd()))?;
        Ok(Netlink { socket, sequence: 0 })
    }

    /// Asks for one change.
    pub fn perform(&mut self, request: Request) -> Result<()> {
        self.perform_all([request])
    }

    /// Asks for several in one send: the kernel takes them in order. One that it refuses does not keep it from the others;
    /// the first error is returned.
    pub fn perform_all(&mut self, requests: impl IntoIterator<Item = Request>) -> Result<()> {
        let mut list: Vec<_> = requests.into_iter().collect();
        // What is refused is answered in any case. That the last is granted says that all were dealt with.
        let Some(last) = list.last_mut() else { return Ok(()) };
        last.acknowledge();
        let (mut told, mut bytes) = (Vec::new(), Vec::new());
        for Request { message, told: words } in list {
            self.sequence = self.sequence.wrapping_add(1);
            bytes.extend(message.finish(self.sequence));
            told.push((self.sequence, words));
        }
        self.send(&bytes)?;
        let refused = self.refused(self.sequence)?;
        let of = |number| refused.iter().find(|(of, _)| *of == number).map(|(_, r)| r.clone());
        told.into_iter()
            .filter_map(|(number, words)| Some(words?.tell(of(number))))
            .collect::<Result<Vec<()>>>()?;
        // The frame of a batch has no words of its own.
        match refused.into_iter().next() {
            Some((_, refusal)) => quietly("netlink batch").run(|| Err(refusal)),
            None => Ok(()),
        }
    }

    /// Receives up to the answer to the message with number `last`. The kernel does what it is asked for while it is being
    /// sent: when there is no further answer now, none will come.
    fn refused(&mut self, last: u32) -> Result<Vec<(u32, Refusal)>> {
        let mut refused = Vec::new();
        while let Some(buffer) = self.receive()? {
            for answer in messages(&buffer).filter(|a| a.kind == libc::NLMSG_ERROR as u16) {
                refused.extend(error_of(&answer).map(|refusal| (answer.sequence, refusal)));
                if answer.sequence == last {
                    return Ok(refused);
                }
            }
        }
        Ok(refused)
    }

    /// Asks for everything of a kind; `each` takes one message at a time, without its header.
    pub fn dump<T>(
        &mut self,
        what: impl Display,
        question: Message,
        each: impl Fn(&Received) -> Option<T>,
    ) -> Result<Vec<T>> {
        let question = question.flags(libc::NLM_F_DUMP);
        loop {
            // Somebody has changed something between two parts of the answer: one of them may be missing.
            if let Some(found) = self.dump_once(&what, question.clone(), &each)? {
                return Ok(found);
            }
        }
    }

    fn dump_once<T>(
        &mut self,
        what: impl Display,
        question: Message,
        each: impl Fn(&Received) -> Option<T>,
    ) -> Result<Option<Vec<T>>> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.send(&question.finish(sequence))?;
        let (mut found, mut whole) = (Vec::new(), true);
        while let Some(buffer) = self.receive()? {
            for answer in messages(&buffer).filter(|answer| answer.sequence == sequence) {
                whole &= i32::from(answer.flags) & libc::NLM_F_DUMP_INTR == 0;
                match answer.kind.into() {
                    libc::NLMSG_DONE => return Ok(whole.then_some(found)),
                    libc::NLMSG_ERROR => {
                        let refusal = error_of(&answer).unwrap_or_default();
                        quietly(&what).run(|| Err::<(), _>(refusal))?;
                    }
                    _ => found.extend(each(&answer)),
                }
            }
        }
        Ok(Some(found))
    }

    /// Asks for one thing.
    pub fn ask<T>(
        &mut self,
        what: impl Display,
        question: Message,
        read: impl Fn(&Received) -> Option<T>,
    ) -> Result<Option<T>> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.send(&question.finish(sequence))?;
        while let Some(buffer) = self.receive()? {
            let answer = messages(&buffer).find(|answer| answer.sequence == sequence);
            let Some(answer) = answer else { continue };
            let is_error = answer.kind == libc::NLMSG_ERROR as u16;
            let refusal = error_of(&answer).filter(|_| is_error);
            quietly(&what).run(|| refusal.map_or(Ok(()), Err))?;
            return Ok(read(&answer));
        }
        Ok(None)
    }

    fn send(&self, bytes: &[u8]) -> Result<()> {
        quietly("send to netlink")
            .run(|| send(self.socket.as_raw_fd(), bytes, MsgFlags::empty()))
            .map(drop)
    }

    /// One datagram, `None` when there is none.
    fn receive(&self) -> Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; LONGEST];
        let length = quietly("receive from netlink").run(|| {
            match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => Ok(None),
                other => other.map(Some),
            }
        })?;
        Ok(length.map(|length| {
            buffer.truncate(length);
            buffer
        }))
    }
}
// ANCHOR_END: netlink

/// A change to be asked for, and the words in which it is told: the `ip` command that does the same.
#[derive(Debug)]
pub struct Request {
    message: Message,
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    what: String,
    like: String,
    hints: Vec<(Errno, &'static str)>,
}

impl Request {
    /// `what` is the message and its object; `like` a shell command.
    pub fn new(message: Message, what: impl Display, like: impl Display) -> Request {
        let like = if listening() { like.to_string() } else { String::new() };
        let told = Told { what: what.to_string(), like, hints: Vec::new() };
        Request { message, told: Some(told) }
    }

    /// A message that is not worth a line of the story.
    pub fn untold(message: Message) -> Request {
        Request { message, told: None }
    }

    /// How long its message is.
    pub(crate) fn len(&self) -> usize {
        self.message.len()
    }

    fn acknowledge(&mut self) {
        self.message = self.message.clone().flags(libc::NLM_F_ACK);
    }

    /// What to try when the kernel answers with `errno`.
    pub fn hint(mut self, errno: Errno, remedy: &'static str) -> Request {
        if let Some(told) = &mut self.told {
            told.hints.push((errno, remedy));
        }
        self
    }
}

impl Told {
    fn tell(self, refused: Option<Refusal>) -> Result<()> {
        let call = doing(&self.what).like(&self.like);
        let call = self.hints.iter().fold(call, |call, (errno, remedy)| call.hint(*errno, remedy));
        call.run(|| refused.map_or(Ok(()), Err))
    }
}

/// The kernel's no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Positive.
    pub errno: i32,
    /// `NLMSGERR_ATTR_MSG`: a sentence of the kernel's.
    pub words: Option<String>,
}

impl IntoErrno for Refusal {
    fn into_errno(self) -> Errno {
        Errno::from_raw(self.errno)
    }

    fn words(&self) -> Option<String> {
        self.words.clone()
    }
}
