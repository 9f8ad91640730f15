//! What the decapsulating program and its userspace agree on: kinds of tunnels, reasons, counters.

use crate::verdict::numbered;

/// Version of the layout of the decapsulating program's maps. It changes with every change of a key
/// or value, as [`crate::LAYOUT_VERSION`] does for the balancer's.
pub const DECAP_LAYOUT_VERSION: u32 = 1;

/// UDP port of GUE (IANA).
pub const GUE_PORT: u16 = 6_080;

/// IP protocol number of IPv4 in IP (IANA; RFC 2003).
pub const PROTOCOL_IPV4: u8 = 4;

/// IP protocol number of IPv6 in IP (IANA; RFC 2473).
pub const PROTOCOL_IPV6: u8 = 41;

numbered! {
    /// What a packet was in: encapsulation, inner family "in" outer family. Indexes the counters.
    TunnelKind {
        /// IPv4 in IPv4.
        Ipip4In4 = 0 => "ipip_4in4",
        /// IPv6 in IPv4.
        Ipip6In4 = 1 => "ipip_6in4",
        /// IPv4 in IPv6.
        Ipip4In6 = 2 => "ipip_4in6",
        /// IPv6 in IPv6.
        Ipip6In6 = 3 => "ipip_6in6",
        /// IPv4 behind UDP over IPv4.
        Gue4In4 = 4 => "gue_4in4",
        /// IPv6 behind UDP over IPv4.
        Gue6In4 = 5 => "gue_6in4",
        /// IPv4 behind UDP over IPv6.
        Gue4In6 = 6 => "gue_4in6",
        /// IPv6 behind UDP over IPv6.
        Gue6In6 = 7 => "gue_6in6",
    }
}

impl TunnelKind {
    /// The number of a kind from its three halves, without a branch for each of eight kinds.
    #[inline(always)]
    pub const fn number(is_gue: bool, is_outer_v6: bool, is_inner_v6: bool) -> u32 {
        ((is_gue as u32) << 2) | ((is_outer_v6 as u32) << 1) | is_inner_v6 as u32
    }
}

numbered! {
    /// Why an encapsulated packet to this host was dropped. A number never changes its meaning.
    DecapDrop {
        /// A header that contradicts itself or the packet: a length, a version.
        Malformed = 0 => "malformed",
        /// The outer source is in no allowed prefix.
        SourceNotAllowed = 1 => "source_not_allowed",
        /// The inner destination is in none of the prefixes that are accepted.
        DestinationNotAllowed = 2 => "destination_not_allowed",
        /// The outer header says that there is congestion, to a transport that only hears of loss.
        CongestionMarked = 3 => "congestion_marked",
    }
}

numbered! {
    /// Encapsulated packets to this host that were passed on to it as they were.
    DecapPass {
        /// A fragment: the host would have to put it together first.
        Fragment = 0 => "fragment",
    }
}

/// What is counted of a kind of tunnel, for each CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecapCounters {
    /// Packets that were taken out.
    pub packets: u64,
    /// Bytes of their frames as the host gets them, Ethernet headers included: what the balancer
    /// counts of the same packets.
    pub bytes: u64,
}

const _: () = assert!(size_of::<DecapCounters>() == 16);

impl DecapCounters {
    /// Adds another set, for instance another CPU's.
    pub fn add(&mut self, other: &Self) {
        self.packets = self.packets.wrapping_add(other.packets);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}

// SAFETY: `repr(C)`, two integers, and the size asserted above leaves no room for padding.
#[cfg(feature = "user")]
unsafe impl aya::Pod for DecapCounters {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_kinds_follow_from_their_halves() {
        for kind in TunnelKind::ALL {
            let (encapsulation, families) = kind.name().split_once('_').unwrap();
            let (inner, outer) = families.split_once("in").unwrap();
            let number = TunnelKind::number(encapsulation == "gue", outer == "6", inner == "6");
            assert_eq!(number, *kind as u32, "{kind:?}");
        }
    }
}
