//! The two address families: what differs between them for the stages.

use loadbalancer_common::{
    AddressV4, AddressV6, Backend, DropReason, PROTOCOL_ICMPV6, Verdict,
    checksum::Delta,
    hash::HashAddress,
    packet::{Malformed, Packet, ipv4, ipv6},
};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::{
    frame::XdpFrame,
    maps::{
        CONNECTIONS_V4, CONNECTIONS_V6, Connections, PREFIXES_V4, PREFIXES_V6, Prefixes,
        SCRATCH_V4, SCRATCH_V6, SERVICES_V4, SERVICES_V6, Scratch, Services, TRANSLATIONS_V4,
        TRANSLATIONS_V6, Translations,
    },
};

/// An address family, named by its address type.
pub(crate) trait Family: Copy + PartialEq + HashAddress + 'static {
    /// Number of the IP version, as [`Backend::family`] holds it.
    const VERSION: u8;
    /// Bits of an address.
    const BITS: u32;
    /// The address that stands for none.
    const UNSPECIFIED: Self;

    /// Reads the IP packet at `offset`.
    fn parse(frame: &XdpFrame, offset: usize) -> Result<Packet<Self>, Verdict>;

    /// Makes the compiler read the packet from the stack, instead of keeping each word of its
    /// addresses in a slot of its own beside it, where 512 bytes would not do.
    fn keep_in_memory(packet: &mut Packet<Self>);

    fn services() -> &'static Services<Self>;
    fn connections() -> &'static Connections<Self>;
    fn translations() -> &'static Translations<Self>;
    fn prefixes() -> &'static Prefixes<Self>;
    fn scratch() -> &'static Scratch<Self>;

    /// Whether both addresses are the same: by words, where `==` would call a loop over bytes.
    fn same(&self, other: &Self) -> bool;

    /// The backend's address.
    fn backend_address(backend: &Backend) -> Self;
    /// Our own address towards the backend.
    fn nat_address(backend: &Backend) -> Self;

    /// Replaces both addresses of the IP header, its own checksum with them. Returns what that adds
    /// to the transport's checksum, or `None` where the frame ends before the header does.
    fn set_addresses(
        frame: &XdpFrame,
        packet: &Packet<Self>,
        source: &Self,
        destination: &Self,
    ) -> Option<Delta>;

    /// Whether the packet is part of neighbour discovery, without which the host loses its network.
    fn is_neighbour_discovery(frame: &XdpFrame, packet: &Packet<Self>) -> bool;
}

impl Family for AddressV4 {
    const VERSION: u8 = 4;
    const BITS: u32 = 32;
    const UNSPECIFIED: Self = [0; 4];

    #[inline(always)]
    fn parse(frame: &XdpFrame, offset: usize) -> Result<Packet<Self>, Verdict> {
        ipv4::parse(frame, offset).map_err(|Malformed| Verdict::Drop(DropReason::Malformed))
    }

    #[inline(always)]
    fn keep_in_memory(_packet: &mut Packet<Self>) {}

    #[inline(always)]
    fn services() -> &'static Services<Self> {
        &SERVICES_V4
    }

    #[inline(always)]
    fn connections() -> &'static Connections<Self> {
        &CONNECTIONS_V4
    }

    #[inline(always)]
    fn translations() -> &'static Translations<Self> {
        &TRANSLATIONS_V4
    }

    #[inline(always)]
    fn prefixes() -> &'static Prefixes<Self> {
        &PREFIXES_V4
    }

    #[inline(always)]
    fn scratch() -> &'static Scratch<Self> {
        &SCRATCH_V4
    }

    #[inline(always)]
    fn same(&self, other: &Self) -> bool {
        u32::from_ne_bytes(*self) == u32::from_ne_bytes(*other)
    }

    #[inline(always)]
    fn backend_address(backend: &Backend) -> Self {
        let [a, b, c, d, ..] = backend.address;
        [a, b, c, d]
    }

    #[inline(always)]
    fn nat_address(backend: &Backend) -> Self {
        let [a, b, c, d, ..] = backend.nat_address;
        [a, b, c, d]
    }

    #[inline(always)]
    fn set_addresses(
        frame: &XdpFrame,
        packet: &Packet<Self>,
        source: &Self,
        destination: &Self,
    ) -> Option<Delta> {
        let delta =
            Delta::new().replace(&packet.source, source).replace(&packet.destination, destination);
        let header = frame.parsed_header_mut::<Ipv4Hdr>(packet.network_offset)?;
        header.src_addr = *source;
        header.dst_addr = *destination;
        header.check = delta.apply(header.check);
        Some(delta)
    }

    #[inline(always)]
    fn is_neighbour_discovery(_frame: &XdpFrame, _packet: &Packet<Self>) -> bool {
        false // ARP is not an IP packet and never comes here.
    }
}

impl Family for AddressV6 {
    const VERSION: u8 = 6;
    const BITS: u32 = 128;
    const UNSPECIFIED: Self = [0; 16];

    #[inline(always)]
    fn parse(frame: &XdpFrame, offset: usize) -> Result<Packet<Self>, Verdict> {
        ipv6::parse(frame, offset).map_err(|Malformed| Verdict::Drop(DropReason::Malformed))
    }

    #[inline(always)]
    fn keep_in_memory(packet: &mut Packet<Self>) {
        #[cfg(target_arch = "bpf")]
        // SAFETY: moves a register to itself; the compiler must assume that the packet was read and
        // written.
        unsafe {
            core::arch::asm!("{0} = {0}", inout(reg) core::ptr::from_mut(packet) => _, options(nostack));
        }
        #[cfg(not(target_arch = "bpf"))]
        let _ = packet;
    }

    #[inline(always)]
    fn services() -> &'static Services<Self> {
        &SERVICES_V6
    }

    #[inline(always)]
    fn connections() -> &'static Connections<Self> {
        &CONNECTIONS_V6
    }

    #[inline(always)]
    fn translations() -> &'static Translations<Self> {
        &TRANSLATIONS_V6
    }

    #[inline(always)]
    fn prefixes() -> &'static Prefixes<Self> {
        &PREFIXES_V6
    }

    #[inline(always)]
    fn scratch() -> &'static Scratch<Self> {
        &SCRATCH_V6
    }

    #[inline(always)]
    fn same(&self, other: &Self) -> bool {
        u128::from_ne_bytes(*self) == u128::from_ne_bytes(*other)
    }

    #[inline(always)]
    fn backend_address(backend: &Backend) -> Self {
        backend.address
    }

    #[inline(always)]
    fn nat_address(backend: &Backend) -> Self {
        backend.nat_address
    }

    #[inline(always)]
    fn set_addresses(
        frame: &XdpFrame,
        packet: &Packet<Self>,
        source: &Self,
        destination: &Self,
    ) -> Option<Delta> {
        let header = frame.parsed_header_mut::<Ipv6Hdr>(packet.network_offset)?;
        copy_by_words(source, &mut header.src_addr);
        copy_by_words(destination, &mut header.dst_addr);
        Some(Delta::new().replace(&packet.source, source).replace(&packet.destination, destination))
    }

    /// RFC 4861: types 133 to 137, hop limit 255, so that it comes from this very link.
    #[inline(always)]
    fn is_neighbour_discovery(frame: &XdpFrame, packet: &Packet<Self>) -> bool {
        const ALL_HOPS_LEFT: u8 = 255;
        let (Some(header), Some([message])) = (
            frame.parsed_header_mut::<Ipv6Hdr>(packet.network_offset),
            frame.parsed_header_mut::<[u8; 1]>(packet.transport_offset),
        ) else {
            return false;
        };
        packet.protocol == PROTOCOL_ICMPV6
            && header.hop_limit == ALL_HOPS_LEFT
            && (133..=137).contains(message)
    }
}

/// Writes an address into a header: as bytes it would be sixteen stores.
#[inline(always)]
fn copy_by_words(from: &AddressV6, to: &mut AddressV6) {
    for (from, to) in from.as_chunks::<4>().0.iter().zip(to.as_chunks_mut::<4>().0) {
        *to = u32::from_ne_bytes(*from).to_ne_bytes();
    }
}
