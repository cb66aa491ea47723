//! Messages: built for the kernel, and taken apart when they come from it.
//!
//! Everything is in the byte order of the machine and begins at a multiple of four bytes. A length counts its own header,
//! and not the padding behind it.

use super::Refusal;

/// `struct nlmsghdr`: length, type, flags, sequence number, port of the sender.
const HEADER: usize = 16;
/// Set in the type of an attribute that holds attributes.
const NLA_F_NESTED: u16 = 0x8000;
/// The type without its two flags.
const NLA_TYPE_MASK: u16 = 0x3FFF;

// ANCHOR: message
/// A message being built.
#[derive(Clone, Debug)]
pub struct Message(Vec<u8>);

impl Message {
    /// Begins with the fixed structure that messages of this type have: `struct ifinfomsg`, `struct rtmsg` …
    pub fn new(kind: u16, fixed: &[u8]) -> Message {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        Message(bytes).raw(fixed).flags(libc::NLM_F_REQUEST)
    }

    /// Sets flags, `NLM_F_…`.
    pub fn flags(mut self, flags: i32) -> Message {
        let set = u16::from_ne_bytes([self.0[6], self.0[7]]) | flags as u16;
        self.0[6..8].copy_from_slice(&set.to_ne_bytes());
        self
    }

    /// Adds an attribute.
    pub fn put(mut self, kind: u16, value: &[u8]) -> Message {
        self.0.extend((4 + value.len() as u16).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.raw(value)
    }

    /// Adds a C string.
    pub fn text(self, kind: u16, value: &str) -> Message {
        self.put(kind, format!("{value}\0").as_bytes())
    }

    /// Adds a number of the machine's byte order.
    pub fn number(self, kind: u16, value: u32) -> Message {
        self.put(kind, &value.to_ne_bytes())
    }

    /// Adds a number of network byte order, as nfnetlink has them.
    pub fn big_endian(self, kind: u16, value: u32) -> Message {
        self.put(kind, &value.to_be_bytes())
    }

    /// Adds an attribute that holds attributes.
    pub fn nest(mut self, kind: u16, fill: impl FnOnce(Message) -> Message) -> Message {
        let at = self.0.len();
        self = fill(self.put(kind | NLA_F_NESTED, &[]));
        let length = (self.0.len() - at) as u16;
        self.0[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        self
    }

    /// Adds bytes as they are, padded to a multiple of four.
    pub fn raw(mut self, bytes: &[u8]) -> Message {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// How long it is so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The bytes from there on.
    pub(crate) fn behind(self, at: usize) -> Vec<u8> {
        self.0[at..].to_vec()
    }

    /// The bytes to send.
    pub(super) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}
// ANCHOR_END: message

/// A message that was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// `RTM_NEWLINK` …
    pub kind: u16,
    /// `NLM_F_…`
    pub flags: u16,
    /// Number of the request that it answers.
    pub sequence: u32,
    /// Fixed structure and attributes.
    pub body: &'a [u8],
}

impl<'a> Received<'a> {
    /// The attributes behind a fixed structure of so many bytes.
    pub fn attributes(&self, fixed: usize) -> Attributes<'a> {
        Attributes(self.body.get(fixed.next_multiple_of(4)..).unwrap_or_default())
    }
}

// ANCHOR: parse
/// The messages of one datagram. A message whose length cannot be true ends it.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Received<'_>> {
    std::iter::from_fn(move || {
        let header = datagram.get(..HEADER)?;
        let length = number(header)? as usize;
        let body = datagram.get(HEADER..length)?;
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        let (kind, flags, sequence) =
            (short(&header[4..])?, short(&header[6..])?, number(&header[8..])?);
        Some(Received { kind, flags, sequence, body })
    })
}

/// Attributes, in order: type and value.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(pub &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, kind) = (short(self.0)? as usize, short(self.0.get(2..)?)?);
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind & NLA_TYPE_MASK, value))
    }
}
// ANCHOR_END: parse

impl<'a> Attributes<'a> {
    /// The value of the first attribute of this type.
    pub fn get(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find(|(of, _)| *of == kind).map(|(_, value)| value)
    }
}

/// What an `NLMSG_ERROR` says: nothing when it acknowledges. Behind the number comes the head of the refused message, the
/// rest of it unless the kernel left that out (`NLM_F_CAPPED`), and then attributes.
pub(super) fn error_of(answer: &Received) -> Option<Refusal> {
    const NLMSGERR_ATTR_MSG: u16 = 1;
    let negated = number(answer.body).unwrap_or_default() as i32;
    if negated == 0 {
        return None;
    }
    let refused = number(answer.body.get(4..)?).unwrap_or_default() as usize;
    let capped = i32::from(answer.flags) & libc::NLM_F_CAPPED != 0;
    let length = if capped { HEADER } else { refused };
    let words = answer.attributes(4 + length.min(answer.body.len())).get(NLMSGERR_ATTR_MSG);
    Some(Refusal { errno: negated.wrapping_neg(), words: words.and_then(string) })
}

/// A number of four bytes at the beginning of `bytes`.
pub fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// A number of two bytes at the beginning of `bytes`.
pub fn short(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

/// A C string, or what there is of it.
pub fn string(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}
