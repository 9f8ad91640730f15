//! What a backend is in the maps: all that forwarding needs, ready to copy.

use crate::{AddressV6, Be16, MacWord};

/// A backend of one service: the value of `BACKENDS`, indexed by backend id.
///
/// One cache line. An entry that was never written is all zero, and its service id of 0 belongs to
/// no service.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Address in wire order; an IPv4 address takes the first 4 bytes, the rest is 0.
    pub address: AddressV6,
    /// Our own address towards this backend, the source of translated packets; laid out likewise.
    pub nat_address: AddressV6,
    /// Id of the service that the backend belongs to.
    pub service: u32,
    /// Interface that the backend is behind.
    pub ifindex: u32,
    /// Link-layer address of the next hop.
    pub next_hop: MacWord,
    /// Link-layer address of that interface.
    pub source_mac: MacWord,
    /// Port; 0 keeps the port that the client used.
    pub port: Be16,
    /// Whether it takes flows, and whether its next hop is known.
    pub flags: BackendFlags,
    /// Address family: 4 or 6.
    pub family: u8,
    /// Always 0.
    pub zero: u32,
}

const _: () = assert!(size_of::<Backend>() == 64);

/// What may be sent to a backend.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BackendFlags(pub u8);

impl BackendFlags {
    /// New flows may go to it: it is healthy, enabled, not draining, and has a weight.
    pub const NEW_FLOWS: Self = Self(1);
    /// It answers: healthy or draining. Without it, flows that have no connection to lose move on.
    pub const ALIVE: Self = Self(2);
    /// The link-layer address of its next hop is known.
    pub const REACHABLE: Self = Self(4);
    /// Switched off by the operator: every flow moves on.
    pub const DISABLED: Self = Self(8);

    /// Whether all of `other` is set.
    #[inline(always)]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a backend with these may be sent all that one with `other` may be sent.
    pub const fn permit(self, other: Self) -> bool {
        // `DISABLED` takes away, the others give.
        Self(self.0 ^ Self::DISABLED.0).contains(Self(other.0 ^ Self::DISABLED.0))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Backend {
    /// A backend that belongs to no service: what an unused entry holds.
    pub const UNUSED: Self = Self {
        address: [0; 16],
        nat_address: [0; 16],
        service: 0,
        ifindex: 0,
        next_hop: MacWord::NONE,
        source_mac: MacWord::NONE,
        port: Be16::ZERO,
        flags: BackendFlags(0),
        family: 0,
        zero: 0,
    };
}
