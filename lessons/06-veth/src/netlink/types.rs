//! What networks are spoken of with: hardware addresses, addresses with their prefix.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ground::{Error, Result};

/// A hardware address: six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Made of an IPv4 address: whoever gets the address again has the MAC again, and no neighbour's table is wrong. The
    /// second-lowest bit of the first byte says that no vendor gave it.
    pub fn for_address(address: Ipv4Addr) -> Mac {
        let [a, b, c, d] = address.octets();
        Mac([0x02, 0x42, a, b, c, d])
    }
}

impl Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = Error;

    /// `02:42:0a:4d:00:02`. A group address (lowest bit of the first byte) belongs to no interface.
    fn from_str(word: &str) -> Result<Mac> {
        let wrong = || Error::usage("a MAC address like 02:42:0a:4d:00:02 is wanted");
        let byte = |part: &str| match part.len() {
            1 | 2 if part.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u8::from_str_radix(part, 16).ok()
            }
            _ => None,
        };
        let bytes: Option<Vec<u8>> = word.split(':').map(byte).collect();
        let bytes: [u8; 6] = bytes.ok_or_else(wrong)?.try_into().map_err(|_| wrong())?;
        match bytes {
            [0, 0, 0, 0, 0, 0] => Err(wrong()),
            [first, ..] if first & 1 == 1 => {
                Err(Error::usage("a MAC address whose first byte is odd means a group"))
            }
            _ => Ok(Mac(bytes)),
        }
    }
}

/// An address of an interface, or of a network: `10.77.0.2/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    /// The address, with its host part.
    pub address: IpAddr,
    /// Number of leading bits that name the network.
    pub prefix: u8,
}

impl Cidr {
    /// An address in a network of so many leading bits.
    pub const fn new(address: IpAddr, prefix: u8) -> Cidr {
        Cidr { address, prefix }
    }

    /// The address alone.
    pub fn host(address: IpAddr) -> Cidr {
        Cidr { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// `None` where the prefix is longer than the address.
    pub(super) fn checked(address: IpAddr, prefix: u8) -> Option<Cidr> {
        (prefix <= Cidr::host(address).prefix).then_some(Cidr { address, prefix })
    }

    /// `AF_INET` or `AF_INET6`.
    pub fn family(&self) -> u8 {
        (if self.address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
    }

    /// The bytes of the address, in network order.
    pub fn octets(&self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        }
    }

    /// The last address of an IPv4 network that has more than two.
    pub fn broadcast(&self) -> Option<IpAddr> {
        (self.address.is_ipv4() && self.prefix < 31).then(|| self.nth(u128::MAX).address)
    }

    /// As a number whose most significant bit is the first one; an IPv4 address has 32.
    pub fn bits(&self) -> u128 {
        match self.address {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }

    /// How many bits name the host.
    pub fn host_bits(&self) -> u8 {
        (if self.address.is_ipv4() { 32 } else { 128u8 }).saturating_sub(self.prefix)
    }

    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(self.host_bits().into()).unwrap_or(0)
    }

    /// The leading bits as bytes: 255.255.255.0.
    pub fn mask_octets(&self) -> Vec<u8> {
        self.with_bits(self.mask()).octets()
    }

    /// The network: the host part is zero.
    pub fn network(&self) -> Cidr {
        self.with_bits(self.bits() & self.mask())
    }

    /// The `n`th address of the network.
    pub fn nth(&self, n: u128) -> Cidr {
        self.with_bits(self.network().bits() | n & !self.mask())
    }

    fn with_bits(&self, bits: u128) -> Cidr {
        let address = match self.address {
            IpAddr::V4(_) => Ipv4Addr::from_bits(bits as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
        };
        Cidr { address, prefix: self.prefix }
    }

    /// Whether an address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let other = Cidr { address, prefix: self.prefix };
        address.is_ipv4() == self.address.is_ipv4() && other.network() == self.network()
    }

    /// Whether the networks have an address in common.
    pub fn overlaps(&self, other: &Cidr) -> bool {
        let wider = if self.prefix <= other.prefix { self } else { other };
        wider.contains(self.address) && wider.contains(other.address)
    }
}

impl Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(word: &str) -> Result<Cidr> {
        let wrong = || Error::usage("an address and its prefix are wanted, like 10.77.0.0/24");
        let (address, prefix) = word.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = Cidr::host(address).prefix;
        let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= longest);
        Ok(Cidr { address, prefix: prefix.ok_or_else(wrong)? })
    }
}

/// An address of this family in an attribute.
pub(super) fn address_of(family: u8, value: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        libc::AF_INET6 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

/// A name as it is told: one that this kit gives varies with user and run.
pub fn shown(name: &str) -> String {
    match name.starts_with(ground::host::PREFIX) {
        true => ground::text::name(name).to_string(),
        false => name.to_string(),
    }
}
