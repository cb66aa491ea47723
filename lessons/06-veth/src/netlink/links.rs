//! Links as the kernel shows them.

use std::fmt::{self, Display};

use ground::{Error, Result};
use nix::errno::Errno;

use super::message::{Attributes, Message, Received, number, string};
use super::{Mac, Netlink};

/// `struct ifinfomsg`.
const FIXED: usize = 16;
const IFLA_INFO_KIND: u16 = libc::IFLA_INFO_KIND;

/// A link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name in its namespace.
    pub name: String,
    /// `veth`, `bridge` …; hardware has none.
    pub kind: Option<String>,
    /// `IFF_…`
    pub flags: u32,
    /// The size of the largest packet, in bytes.
    pub mtu: u32,
    /// Its hardware address.
    pub mac: Option<Mac>,
    /// What it is able to do.
    pub state: State,
    /// The index of its bridge.
    pub master: Option<u32>,
    /// The index of the other end of a cable, or of the link below; it may be in another namespace.
    pub peer: Option<u32>,
    /// The number that this namespace has for the namespace of `peer`, when it is another one.
    pub peer_namespace: Option<i32>,
    /// A word for people.
    pub alias: Option<String>,
}

/// `IF_OPER_…`, RFC 2863.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The driver does not say, as with `lo`.
    #[default]
    Unknown,
    /// Down.
    Down,
    /// What it stands on is down: the other end of a cable.
    LowerLayerDown,
    /// Not yet.
    Dormant,
    /// Up.
    Up,
}

impl Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Unknown => "UNKNOWN",
            State::Down => "DOWN",
            State::LowerLayerDown => "LOWERLAYERDOWN",
            State::Dormant => "DORMANT",
            State::Up => "UP",
        })
    }
}

impl Link {
    /// Whether somebody set it up.
    pub fn is_up(&self) -> bool {
        self.flags & libc::IFF_UP as u32 != 0
    }

    /// Whether there is somebody at the other end.
    pub fn has_carrier(&self) -> bool {
        self.flags & libc::IFF_LOWER_UP as u32 != 0
    }

    /// The flags as `ip link` shows them.
    pub fn flag_words(&self) -> String {
        let words = [
            (libc::IFF_LOOPBACK, "LOOPBACK"),
            (libc::IFF_BROADCAST, "BROADCAST"),
            (libc::IFF_POINTOPOINT, "POINTOPOINT"),
            (libc::IFF_MULTICAST, "MULTICAST"),
            (libc::IFF_UP, "UP"),
            (libc::IFF_LOWER_UP, "LOWER_UP"),
        ];
        let no_carrier = (self.is_up() && !self.has_carrier()).then_some("NO-CARRIER");
        let set = words.iter().filter(|(flag, _)| self.flags & *flag as u32 != 0);
        no_carrier.into_iter().chain(set.map(|(_, word)| *word)).collect::<Vec<_>>().join(",")
    }

    fn parse(message: &Received) -> Option<Link> {
        if message.kind != libc::RTM_NEWLINK {
            return None;
        }
        let mut link = Link {
            index: number(message.body.get(4..)?)?,
            flags: number(message.body.get(8..)?)?,
            ..Link::default()
        };
        for (kind, value) in message.attributes(FIXED) {
            match kind {
                libc::IFLA_IFNAME => link.name = string(value)?,
                libc::IFLA_MTU => link.mtu = number(value)?,
                libc::IFLA_ADDRESS => link.mac = value.try_into().ok().map(Mac),
                libc::IFLA_OPERSTATE => link.state = state(*value.first()?),
                libc::IFLA_MASTER => link.master = number(value),
                libc::IFLA_LINK => link.peer = number(value),
                libc::IFLA_LINK_NETNSID => link.peer_namespace = number(value).map(|id| id as i32),
                libc::IFLA_IFALIAS => link.alias = string(value),
                libc::IFLA_LINKINFO => {
                    link.kind = Attributes(value).get(IFLA_INFO_KIND).and_then(string);
                }
                _ => {}
            }
        }
        Some(link)
    }
}

fn state(word: u8) -> State {
    match word {
        2 => State::Down,
        3 => State::LowerLayerDown,
        5 => State::Dormant,
        6 => State::Up,
        _ => State::Unknown,
    }
}

impl Netlink {
    /// All links of the namespace, by index.
    pub fn links(&mut self) -> Result<Vec<Link>> {
        let question = Message::new(libc::RTM_GETLINK, &[0; FIXED]);
        let mut links = self.dump("RTM_GETLINK", question, Link::parse)?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The link of this name.
    pub fn link(&mut self, name: &str) -> Result<Link> {
        let found = self.find_link(name)?;
        let missing = || Error::os(format_args!("RTM_GETLINK {name}"), Errno::ENODEV);
        found.ok_or_else(|| missing().remedy("no such link"))
    }

    /// The same where it need not be there.
    pub fn find_link(&mut self, name: &str) -> Result<Option<Link>> {
        let question = Message::new(libc::RTM_GETLINK, &[0; FIXED]).text(libc::IFLA_IFNAME, name);
        match self.ask(format_args!("RTM_GETLINK {name}"), question, Link::parse) {
            Err(e) if e.errno() == Some(Errno::ENODEV) => Ok(None),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::message::messages;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            messages(&bytes).for_each(|message| drop(Link::parse(&message)));
        }

        #[test]
        fn never_panics_on_any_body(body: Vec<u8>) {
            let message = Received { kind: libc::RTM_NEWLINK, flags: 0, sequence: 0, body: &body };
            let _ = Link::parse(&message);
        }
    }

    #[test]
    fn a_message_that_was_built_reads_back() {
        let built = Message::new(libc::RTM_NEWLINK, &[0; FIXED])
            .text(libc::IFLA_IFNAME, "eth0")
            .number(libc::IFLA_MTU, 1500)
            .nest(libc::IFLA_LINKINFO, |info| info.text(IFLA_INFO_KIND, "veth"))
            .finish(7);
        let message = messages(&built).next().unwrap();
        let link = Link::parse(&message).unwrap();
        assert_eq!(message.sequence, 7);
        assert_eq!((&link.name[..], link.mtu, link.kind.as_deref()), ("eth0", 1500, Some("veth")));
    }

    #[test]
    fn an_end_whose_other_end_is_down_has_no_carrier() {
        let link = Link { flags: libc::IFF_UP as u32, ..Link::default() };
        assert_eq!(link.flag_words(), "NO-CARRIER,UP");
    }
}
