//! What experiments of this lesson need together.

use ground::needs::Need;

/// A box behind a bridge.
pub const BRIDGED: &[Need] =
    &[Need::Admin, Need::Clone3, Need::NetworkNamespaces, Need::Veth, Need::Bridge];

/// …and rules for its packets.
pub const WITH_RULES: &[Need] = &Need::and::<6>(BRIDGED, &[Need::Nftables]);
