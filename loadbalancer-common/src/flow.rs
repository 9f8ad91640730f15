//! Flows, and what is remembered of them.
//!
//! Values are built on the kernel program's stack, where every access must be aligned, so addresses
//! of the link layer are words and fillers have sizes that one store covers.

use crate::{AddressV4, AddressV6, Be16, MacWord};

/// A flow from a client to a service: the key of `CONNECTIONS_V4` and `CONNECTIONS_V6`.
///
/// The service's id stands for VIP and protocol; the port is kept because a service may cover
/// every port of its VIP.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey<A> {
    /// Client's address in wire order.
    pub client: A,
    /// Client's port.
    pub client_port: Be16,
    /// Port of the VIP that the client used.
    pub port: Be16,
    /// Id of the service.
    pub service: u32,
}

/// The key of `CONNECTIONS_V4`: 12 bytes.
pub type FlowKeyV4 = FlowKey<AddressV4>;
/// The key of `CONNECTIONS_V6`: 24 bytes.
pub type FlowKeyV6 = FlowKey<AddressV6>;

const _: () = assert!(size_of::<FlowKeyV4>() == 12);
const _: () = assert!(size_of::<FlowKeyV6>() == 24);

/// How far a connection has come, as a set of bits.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionState(pub u8);

impl ConnectionState {
    /// More than the first packet was seen from the client.
    pub const ESTABLISHED: Self = Self(1);
    /// The client sent a FIN.
    pub const CLIENT_FIN: Self = Self(2);
    /// The backend sent a FIN.
    pub const BACKEND_FIN: Self = Self(4);
    /// Either side sent a RST.
    pub const RESET: Self = Self(8);

    /// Whether all of `other` is set.
    #[inline(always)]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[inline(always)]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no more packets are to be expected: a RST, or a FIN from both sides.
    #[inline(always)]
    pub const fn is_closed(self) -> bool {
        const BOTH: u8 = ConnectionState::CLIENT_FIN.0 | ConnectionState::BACKEND_FIN.0;
        self.0 & Self::RESET.0 != 0 || self.0 & BOTH == BOTH
    }
}

/// What the connection table remembers of a flow: the value of `CONNECTIONS_V4` and
/// `CONNECTIONS_V6`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// When the client's last packet came, in ns of the monotonic clock.
    pub last_seen_ns: u64,
    /// Id of the backend that the flow keeps.
    pub backend: u32,
    /// Our port towards the backend, in forward mode `nat`; 0 in the others.
    pub nat_port: Be16,
    /// What was seen of the connection.
    pub state: ConnectionState,
    /// Always 0.
    pub zero: u8,
    /// Link-layer address that the client's last packet came from, in forward mode `nat`.
    pub client_mac: MacWord,
}

const _: () = assert!(size_of::<Connection>() == 24);

/// A reply of a backend to a translated connection: the key of `TRANSLATIONS_V4` and
/// `TRANSLATIONS_V6`.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TranslationKey<A> {
    /// Backend's address: the reply's source.
    pub backend: A,
    /// Our own address: the reply's destination.
    pub nat_address: A,
    /// Backend's port.
    pub backend_port: Be16,
    /// Our port.
    pub nat_port: Be16,
    /// IP protocol number (IANA).
    pub protocol: u8,
    /// Always 0.
    pub zero: u8,
    /// Always 0.
    pub zero2: u16,
}

/// The key of `TRANSLATIONS_V4`: 16 bytes.
pub type TranslationKeyV4 = TranslationKey<AddressV4>;
/// The key of `TRANSLATIONS_V6`: 40 bytes.
pub type TranslationKeyV6 = TranslationKey<AddressV6>;

const _: () = assert!(size_of::<TranslationKeyV4>() == 16);
const _: () = assert!(size_of::<TranslationKeyV6>() == 40);

/// What a reply becomes: the value of `TRANSLATIONS_V4` and `TRANSLATIONS_V6`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation<A> {
    /// When the backend's last packet came, in ns of the monotonic clock.
    pub last_seen_ns: u64,
    /// Id of the backend.
    pub backend: u32,
    /// Interface that the client is behind.
    pub ifindex: u32,
    /// The flow, as the client sees it: its address and port, the VIP's port, the service.
    pub flow: FlowKey<A>,
    /// VIP, the source that the client expects.
    pub vip: A,
    /// Link-layer address of the next hop to the client.
    pub client_mac: MacWord,
    /// Our own link-layer address, as the client's packets named it.
    pub own_mac: MacWord,
    /// What was seen of the connection.
    pub state: ConnectionState,
    /// Always 0.
    pub zero: u8,
    /// Always 0.
    pub zero2: u16,
    /// Always 0.
    pub zero3: u32,
}

/// The value of `TRANSLATIONS_V4`: 56 bytes.
pub type TranslationV4 = Translation<AddressV4>;
/// The value of `TRANSLATIONS_V6`: 80 bytes.
pub type TranslationV6 = Translation<AddressV6>;

const _: () = assert!(size_of::<TranslationV4>() == 56);
const _: () = assert!(size_of::<TranslationV6>() == 80);
