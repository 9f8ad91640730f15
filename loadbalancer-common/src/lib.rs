//! What the kernel side and the userspace side agree on, and the parser that both use.
//!
//! Everything here is `no_std`, free of side effects, and tested on the host. Map keys are compared
//! as bytes by the kernel, so every key type is free of implicit padding; sizes are checked by the
//! compiler. Addresses and ports are kept in wire order from the frame to the map: a type says so
//! ([`Be16`], byte arrays), not a comment.

#![cfg_attr(not(test), no_std)]

mod backend;
mod be;
pub mod checksum;
mod counter;
mod decap;
pub mod ecn;
mod flow;
pub mod hash;
mod mac;
pub mod packet;
#[cfg(feature = "user")]
mod pod;
pub mod quic;
mod rule;
mod service;
mod verdict;

pub use backend::{Backend, BackendFlags};
pub use be::Be16;
pub use counter::{Counters, RuleCounters};
pub use decap::{
    DECAP_LAYOUT_VERSION, DecapCounters, DecapDrop, DecapPass, GUE_PORT, PROTOCOL_IPV4,
    PROTOCOL_IPV6, TunnelKind,
};
pub use flow::{
    Connection, ConnectionState, FlowKey, FlowKeyV4, FlowKeyV6, Translation, TranslationKey,
    TranslationKeyV4, TranslationKeyV6, TranslationV4, TranslationV6,
};
pub use mac::MacWord;
pub use rule::{PrefixRule, RuleAction};
pub use service::{ForwardMode, Service, ServiceKey, ServiceKeyV4, ServiceKeyV6, SlotPair};
pub use verdict::{DropReason, Event, Verdict};

/// Version of the layouts in this crate. It changes with every change of a map's key or value, so
/// that a daemon never reads maps that another layout filled.
pub const LAYOUT_VERSION: u32 = 2;

/// An id that stands for nothing: ids of services, backends and rules begin at 1.
pub const NO_ID: u32 = 0;

/// IP protocol number of TCP (IANA).
pub const PROTOCOL_TCP: u8 = 6;

/// IP protocol number of UDP (IANA).
pub const PROTOCOL_UDP: u8 = 17;

/// IP protocol number of `ICMPv6` (IANA).
pub const PROTOCOL_ICMPV6: u8 = 58;

/// An IPv4 address in wire order.
pub type AddressV4 = [u8; 4];

/// An IPv6 address in wire order.
pub type AddressV6 = [u8; 16];

/// A link-layer address in wire order.
pub type Mac = [u8; 6];
