//! What a service is in the maps: from a packet's destination to a lookup table.

use crate::{AddressV4, AddressV6, Be16};

/// What selects a service: the key of `SERVICES_V4` and `SERVICES_V6`.
///
/// No implicit padding: keys are compared as bytes, so `zero` is set too.
#[repr(C, align(4))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey<A> {
    /// VIP in wire order.
    pub vip: A,
    /// Network order; 0 stands for every port of the VIP.
    pub port: Be16,
    /// IP protocol number (IANA): 6 is TCP, 17 is UDP.
    pub protocol: u8,
    /// Always 0.
    pub zero: u8,
}

/// The key of `SERVICES_V4`: 8 bytes.
pub type ServiceKeyV4 = ServiceKey<AddressV4>;
/// The key of `SERVICES_V6`: 20 bytes.
pub type ServiceKeyV6 = ServiceKey<AddressV6>;

const _: () = assert!(size_of::<ServiceKeyV4>() == 8);
const _: () = assert!(size_of::<ServiceKeyV6>() == 20);

/// What the packet path needs to know of a service: the value of `SERVICES_V4` and `SERVICES_V6`.
///
/// Replaced whole, so that a packet sees one lookup table or the other, never a mix.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Id of the service, from 1.
    pub id: u32,
    /// First slot of its region in `LOOKUP_TABLES`.
    pub table_offset: u32,
    /// Slots in the region; 0 while no backend takes connections.
    pub table_size: u32,
    /// How packets reach a backend: a [`ForwardMode`] as its number.
    pub forward: u8,
    /// Whether connection ids of QUIC name its backends: 0 or 1.
    pub quic: u8,
    /// Always 0.
    pub zero: [u8; 2],
}

const _: () = assert!(size_of::<Service>() == 16);

/// Two slots of the lookup tables: an element of `LOOKUP_TABLES`.
///
/// 8 bytes, the least that an element of a BPF array takes up: in pairs, slots lie side by side.
pub type SlotPair = [u32; 2];

/// How a packet reaches its backend.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardMode {
    /// Source and destination translated; replies come back through us.
    Nat = 0,
    /// Only the MAC addresses change; the backend answers the client itself.
    Dsr = 1,
}

impl ForwardMode {
    /// The mode with this number, if there is one.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Nat),
            1 => Some(Self::Dsr),
            _ => None,
        }
    }
}
