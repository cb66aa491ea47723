//! Who passes by: a packet(7) socket sees every frame of its network namespace, on every interface, coming and going.
//!
//! One [`Tap`] for each namespace, opened there; a socket stays in the namespace in which it was made. An incoming frame is
//! seen before the `prerouting` hook, an outgoing one after `postrouting`, so addresses are seen before and after
//! translation.

mod frame;
mod hops;

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime};

use ground::Result;
use ground::call::doing;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, setsockopt, socket, sockopt::ReceiveTimestampns,
};
use nix::sys::time::TimeSpec;

pub use frame::{Content, Frame, Packet, Payload};
pub use hops::{Hop, hops, tell_hops};

/// A frame, and where and when it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Name of the namespace.
    pub place: String,
    /// Name of the interface.
    pub interface: String,
    /// Whether the namespace sends it, or receives it.
    pub outgoing: bool,
    /// Since 1970.
    pub time: Duration,
    /// Whether that is when it passed. The kernel begins to note times a moment after the first socket has asked for them,
    /// and gives what it kept before that the time at which it is taken.
    pub timed: bool,
    /// What it holds.
    pub frame: Frame,
}

impl Seen {
    /// The IP packet in it.
    pub fn packet(&self) -> Option<&Packet> {
        match &self.frame.content {
            Content::Ip(packet) => Some(packet),
            _ => None,
        }
    }

    /// Whether it is an ICMP echo: request and reply.
    pub fn is_echo(&self) -> bool {
        self.packet().is_some_and(|packet| matches!(packet.payload, Payload::Echo { .. }))
    }
}

/// A socket that sees what passes.
pub struct Tap {
    socket: OwnedFd,
    place: String,
    names: Vec<(u32, String)>,
}

impl Tap {
    /// Opens one in the network namespace of the caller. `place` is its name in the story, `names` are the interfaces that it
    /// has now.
    pub fn open(place: &str, names: Vec<(u32, String)>) -> Result<Tap> {
        let (family, kind) = (AddressFamily::Packet, SockType::Raw);
        let socket = doing(format_args!("socket AF_PACKET in {place}"))
            .like("tcpdump -n -i any")
            .hint(Errno::EPERM, "this needs CAP_NET_RAW; run with sudo")
            .run(|| socket(family, kind, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll))?;
        ground::call::quietly("setsockopt SO_TIMESTAMPNS")
            .run(|| setsockopt(&socket, ReceiveTimestampns, &true))?;
        Ok(Tap { socket, place: place.to_string(), names })
    }

    /// Takes what the kernel has kept since the last time.
    pub fn take(&self) -> Result<Vec<Seen>> {
        let begin = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let mut all = Vec::new();
        while let Some(seen) = self.next()? {
            all.extend(seen.map(|seen| Seen { timed: seen.time < begin, ..seen }));
        }
        Ok(all)
    }

    /// The next frame; an inner `None` is one of which nothing can be said.
    fn next(&self) -> Result<Option<Option<Seen>>> {
        let mut buffer = [0; 2048];
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let (socket, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let message = match recvmsg::<LinkAddr>(socket, &mut parts, Some(&mut control), flags) {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Ok(None),
            // An interface went down; the others go on.
            Err(Errno::ENETDOWN) => return Ok(Some(None)),
            Err(errno) => return Err(ground::Error::os("recvmsg AF_PACKET", errno)),
        };
        let (length, from) = (message.bytes, message.address);
        let time = message.cmsgs().ok().and_then(|mut all| all.find_map(timestamp));
        let bytes = &buffer[..length.min(2048)];
        Ok(Some(from.and_then(|from| self.seen(from, time.unwrap_or_default(), bytes))))
    }

    fn seen(&self, from: LinkAddr, time: Duration, bytes: &[u8]) -> Option<Seen> {
        let index = from.ifindex() as u32;
        let name = self.names.iter().find(|(of, _)| *of == index);
        Some(Seen {
            place: self.place.clone(),
            interface: name.map_or_else(|| index.to_string(), |(_, name)| name.clone()),
            outgoing: from.pkttype() == libc::PACKET_OUTGOING,
            time,
            timed: true,
            frame: Frame::parse(bytes)?,
        })
    }
}

fn timestamp(message: ControlMessageOwned) -> Option<Duration> {
    match message {
        ControlMessageOwned::ScmTimestampns(time) => Some(time.into()),
        _ => None,
    }
}

/// What several taps have seen, in the order of time; see [`Seen::timed`].
pub fn take_all(taps: &[Tap]) -> Result<Vec<Seen>> {
    let mut all = taps.iter().map(Tap::take).collect::<Result<Vec<_>>>()?.concat();
    // Stable: a frame that goes up from a bridge's port keeps the time at which it came in there.
    all.sort_by_key(|seen| seen.time);
    Ok(all)
}
