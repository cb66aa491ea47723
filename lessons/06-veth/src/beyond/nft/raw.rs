//! The expressions as the kernel takes them: each loads registers, compares them, or gives a verdict.

use super::expression::Rule;
use crate::netlink::Cidr;
use crate::netlink::message::Message;

/// The register that a value is loaded into, of 16 bytes, and one for a second value.
pub(super) const FIRST: u32 = 1;
pub(super) const SECOND: u32 = 2;
/// The register of the verdict.
const VERDICT: u32 = 0;
/// Attribute of `NFTA_RULE_EXPRESSIONS`: one expression, with name and data.
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
/// `NFT_CMP_EQ`
pub(super) const EQUAL: u32 = 0;
/// `NFT_CMP_NEQ`
pub(super) const NOT_EQUAL: u32 = 1;
/// Room for the name of a link, with its NUL.
const IFNAMSIZ: usize = 16;

impl Rule {
    pub(super) fn expression(mut self, name: &str, fill: impl FnOnce(Message) -> Message) -> Rule {
        self.expressions = self.expressions.nest(NFTA_LIST_ELEM, |element| {
            element.text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, fill)
        });
        self
    }

    pub(super) fn link(self, of: Meta, operation: u32, name: &str) -> Rule {
        let mut padded = [0; IFNAMSIZ];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        self.meta(of).compare(operation, &padded)
    }

    /// In a table for both families, the header must be the right one before it is looked into.
    pub(super) fn address(self, network: Cidr, source: bool, operation: u32) -> Rule {
        let family = if network.address.is_ipv4() { 2 } else { 10 };
        let rule = self.meta(Meta::NfProto).compare(EQUAL, &[family]);
        let bytes = network.octets();
        let offset = match (network.address.is_ipv4(), source) {
            (true, true) => 12,
            (true, false) => 16,
            (false, true) => 8,
            (false, false) => 24,
        };
        let rule = rule.load(Base::Network, offset, bytes.len() as u32);
        match network.host_bits() {
            0 => rule.compare(operation, &bytes),
            _ => rule.mask(&network.mask_octets()).compare(operation, &bytes),
        }
    }

    pub(super) fn ct(self, key: u32, bits: u32) -> Rule {
        // NFTA_CT_DREG, NFTA_CT_KEY
        self.expression("ct", |ct| ct.big_endian(1, FIRST).big_endian(2, key))
            .mask(&bits.to_ne_bytes())
            .compare(NOT_EQUAL, &[0; 4])
    }

    pub(super) fn meta(self, of: Meta) -> Rule {
        // NFTA_META_DREG, NFTA_META_KEY
        self.expression("meta", |meta| meta.big_endian(1, FIRST).big_endian(2, of as u32))
    }

    pub(super) fn load(self, base: Base, offset: u32, length: u32) -> Rule {
        // NFTA_PAYLOAD_DREG, _BASE, _OFFSET, _LEN
        self.expression("payload", |payload| {
            payload
                .big_endian(1, FIRST)
                .big_endian(2, base as u32)
                .big_endian(3, offset)
                .big_endian(4, length)
        })
    }

    pub(super) fn mask(self, mask: &[u8]) -> Rule {
        // NFTA_BITWISE_SREG, _DREG, _LEN, _MASK, _XOR
        self.expression("bitwise", |bitwise| {
            bitwise
                .big_endian(1, FIRST)
                .big_endian(2, FIRST)
                .big_endian(3, mask.len() as u32)
                .nest(4, |data| data.put(NFTA_DATA_VALUE, mask))
                .nest(5, |data| data.put(NFTA_DATA_VALUE, &vec![0; mask.len()]))
        })
    }

    pub(super) fn compare(self, operation: u32, value: &[u8]) -> Rule {
        // NFTA_CMP_SREG, _OP, _DATA
        self.expression("cmp", |cmp| {
            cmp.big_endian(1, FIRST)
                .big_endian(2, operation)
                .nest(3, |data| data.put(NFTA_DATA_VALUE, value))
        })
    }

    pub(super) fn immediate(self, register: u32, value: &[u8]) -> Rule {
        // NFTA_IMMEDIATE_DREG, _DATA
        self.expression("immediate", |immediate| {
            immediate.big_endian(1, register).nest(2, |data| data.put(NFTA_DATA_VALUE, value))
        })
    }

    pub(super) fn verdict(self, code: u32) -> Rule {
        self.expression("immediate", |immediate| {
            immediate.big_endian(1, VERDICT).nest(2, |data| {
                data.nest(NFTA_DATA_VERDICT, |verdict| verdict.big_endian(NFTA_VERDICT_CODE, code))
            })
        })
    }
}

/// `NFT_META_…`
#[derive(Clone, Copy)]
pub(super) enum Meta {
    IifName = 6,
    OifName = 7,
    NfProto = 15,
    L4Proto = 16,
}

/// `NFT_PAYLOAD_…`
#[derive(Clone, Copy)]
pub(super) enum Base {
    Network = 1,
    Transport = 2,
}
