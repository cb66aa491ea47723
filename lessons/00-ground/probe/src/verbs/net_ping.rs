//! ping, for machines and roots that have none: echo requests of icmp(7), v4 and v6.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{Verb, number};
use crate::output::say;
use crate::{During, Failure, Result, errno, sys};

pub const VERBS: &[Verb] =
    &[Verb { name: "ping", args: "<ADDRESS> [COUNT] [SIZE] [MILLISECONDS]", run: ping }];

/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

/// Types of request and reply.
const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);

struct Pinger {
    socket: UdpSocket,
    v6: bool,
    /// A raw socket of IPv4 delivers the IP header as well, and any raw socket the echoes of others.
    raw: bool,
    id: u16,
}

/// The next request follows the reply to the one before. What is larger than the MTU is not taken apart.
fn ping(args: &[String]) -> Result {
    let wrong = || Failure::Usage(format!("`{}` is not an address", args[0]));
    let address: IpAddr = args[0].parse().map_err(|_| wrong())?;
    let argument = |at: usize, usual| args.get(at).map_or(Ok(usual), |word| number::<usize>(word));
    let (count, size, wait) = (argument(1, 1)?, argument(2, 56)?, argument(3, 1000)?);
    if size > 65507 || wait == 0 {
        return Err(Failure::Usage("at most 65507 bytes, and a time to wait of a millisecond".into()));
    }
    let v6 = address.is_ipv6();
    let (socket, raw) = sys::net::echo(v6).during("socket(IPPROTO_ICMP)")?;
    sys::net::dont_fragment(&socket, v6).during("setsockopt(MTU_DISCOVER)")?;
    let pinger = Pinger { socket, v6, raw, id: std::process::id() as u16 };
    let mut times = Vec::new();
    let mut refused = pinger.socket.connect(SocketAddr::new(address, 0)).err();
    for sequence in 0..count {
        if refused.is_some() {
            break;
        }
        match pinger.echo(sequence as u16, size, Duration::from_millis(wait as u64)) {
            Ok(time) => times.extend(time),
            Err(error) => refused = Some(error),
        }
    }
    times.sort_unstable();
    say!("sent {count}")?;
    say!("received {}", times.len())?;
    say!("refused {}", refused.as_ref().map_or("none".into(), errno::name))?;
    say!("rtt-us {}", times.get(times.len() / 2).map_or(0, Duration::as_micros))
}

impl Pinger {
    /// Sends one request, and waits for its reply; `None` when it does not come.
    fn echo(&self, sequence: u16, size: usize, patience: Duration) -> io::Result<Option<Duration>> {
        let start = Instant::now();
        self.socket.send(&self.request(sequence, size))?;
        let mut buffer = vec![0; size + 128];
        while let Some(left) = patience.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv(&mut buffer) {
                Ok(length) if self.is_reply(&buffer[..length], sequence) => {
                    return Ok(Some(start.elapsed()));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn request(&self, sequence: u16, size: usize) -> Vec<u8> {
        let mut message = vec![0; HEADER + size];
        message[0] = if self.v6 { V6.0 } else { V4.0 };
        message[4..6].copy_from_slice(&self.id.to_be_bytes());
        message[6..8].copy_from_slice(&sequence.to_be_bytes());
        // The kernel sums up an ICMPv6 message, which is more than we see of it.
        let sum = if self.v6 { 0 } else { checksum(&message) };
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        message
    }

    fn is_reply(&self, packet: &[u8], sequence: u16) -> bool {
        let skip = match packet.first() {
            Some(first) if self.raw && !self.v6 => usize::from(first & 15) * 4,
            _ => 0,
        };
        let Some(message) = packet.get(skip..).filter(|message| message.len() >= HEADER) else {
            return false;
        };
        let ours = !self.raw || message[4..6] == self.id.to_be_bytes();
        let kind = if self.v6 { V6.1 } else { V4.1 };
        message[0] == kind && ours && message[6..8] == sequence.to_be_bytes()
    }
}

/// The complement of the sum in ones' complement: RFC 1071.
fn checksum(message: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = message.chunks(2).map(word).sum();
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_its_checksum_sums_up_to_nothing() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let pinger = Pinger { socket, v6: false, raw: true, id: 0x1234 };
        let message = pinger.request(7, 57);
        assert_eq!(checksum(&message), 0);
        assert!(!pinger.is_reply(&[&[0x45; 20], &message[..]].concat(), 7), "a request is no reply");
        let reply = [&[0x45; 20], &[0][..], &message[1..]].concat();
        assert!(pinger.is_reply(&reply, 7) && !pinger.is_reply(&reply, 8));
        assert!(!pinger.is_reply(&[0x4F; 10], 7));
    }
}
