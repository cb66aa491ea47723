//! Engine that a first reader may skip.
//!
//! | to see … | look at |
//! | --- | --- |
//! | which of the networks a box gets | [`network`], [`join`] |
//! | the switch, and who has which address on it | [`bridge`], [`lease`] |
//! | address translation, ports of the host that lead to a box | [`nft`], [`publish`], [`forwarding`] |
//! | names and settings in the box | [`names`], [`sysctls`] |
//! | network namespaces with a name | [`named`] |
//! | a network without root, by pasta or slirp4netns | [`user_network`] |

pub mod bridge;
pub mod forwarding;
pub mod join;
pub mod lease;
pub mod named;
pub mod names;
pub mod network;
pub mod nft;
pub mod publish;
pub mod sniff;
pub mod sysctls;
pub mod topology;
pub mod user_network;
