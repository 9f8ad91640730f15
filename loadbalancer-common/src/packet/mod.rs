//! From bytes to a [`Packet`]: pure, so that the host tests what the kernel runs.
//!
//! The parsers read through [`Frame`], which the kernel side implements over the packet's bounds
//! and tests implement over a slice.

pub mod ethernet;
pub mod ipv4;
pub mod ipv6;
mod transport;

use network_types::{
    ip::{Ipv4Hdr, Ipv6Hdr},
    tcp::TcpHdr,
    udp::UdpHdr,
};

use crate::Be16;

/// A header that can be read at any offset.
///
/// # Safety
///
/// The type has alignment 1, no padding, and every bit pattern is a value of it.
pub unsafe trait Header: Copy {}

// SAFETY: an array of bytes.
unsafe impl<const N: usize> Header for [u8; N] {}

macro_rules! headers {
    ($($type:ty: $size:literal),+ $(,)?) => { $(
        const _: () = assert!(size_of::<$type>() == $size && align_of::<$type>() == 1);
        // SAFETY: made of bytes and byte arrays only; the assertion above excludes padding.
        unsafe impl Header for $type {}
    )+ };
}
headers! { Ipv4Hdr: 20, Ipv6Hdr: 40, TcpHdr: 20, UdpHdr: 8 }

/// A frame that headers are read from.
pub trait Frame {
    /// Length from the Ethernet header on, in bytes.
    fn length(&self) -> usize;

    /// The header at `offset`, or `None` where the frame ends before it does.
    fn header<T: Header>(&self, offset: usize) -> Option<&T>;

    /// The same offset. The kernel side makes it a number of which the verifier knows nothing but
    /// the bound, so that it checks what follows once, not once for each way that led here. It costs
    /// a few nanoseconds, so only rare ways do it.
    fn forget_how(&self, offset: usize) -> usize {
        offset
    }
}

impl Frame for [u8] {
    fn length(&self) -> usize {
        self.len()
    }

    fn header<T: Header>(&self, offset: usize) -> Option<&T> {
        let bytes = self.get(offset..)?.get(..size_of::<T>())?;
        // SAFETY: `bytes` is as long as `T`, and `Header` promises alignment 1 and no invalid value.
        Some(unsafe { &*bytes.as_ptr().cast::<T>() })
    }
}

/// Copies an address by words: a copy of sixteen unaligned bytes would be one byte at a time on the
/// BPF target.
#[inline(always)]
pub(crate) fn copy_address(bytes: &crate::AddressV6) -> crate::AddressV6 {
    let mut words = [0_u32; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    // SAFETY: sixteen bytes either way, and every bit pattern is a value of both types.
    unsafe { core::mem::transmute::<[u32; 4], crate::AddressV6>(words) }
}

/// The headers contradict themselves or the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What the stages need to know of an IP packet.
///
/// Aligned, so that the kernel program's stack holds addresses as whole words.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<A> {
    /// Source address in wire order.
    pub source: A,
    /// Destination address in wire order.
    pub destination: A,
    /// Source port; 0 unless [`Packet::has_ports`].
    pub source_port: Be16,
    /// Destination port; 0 unless [`Packet::has_ports`].
    pub destination_port: Be16,
    /// Where the IP header begins, in bytes from the start of the frame.
    pub network_offset: usize,
    /// Where the transport header begins, likewise.
    pub transport_offset: usize,
    /// Number of the protocol behind the IP header and its extensions (IANA).
    pub protocol: u8,
    /// TCP flags as in byte 13 of the header; 0 for other protocols.
    pub tcp_flags: u8,
    /// Whether data follows the transport header.
    pub has_data: bool,
    /// Whether this is a whole TCP or UDP packet, so that ports were read.
    pub has_ports: bool,
}

/// TCP flag FIN.
pub const TCP_FIN: u8 = 0x01;
/// TCP flag SYN.
pub const TCP_SYN: u8 = 0x02;
/// TCP flag RST.
pub const TCP_RST: u8 = 0x04;
/// TCP flag PSH.
pub const TCP_PSH: u8 = 0x08;
/// TCP flag ACK.
pub const TCP_ACK: u8 = 0x10;

impl<A> Packet<A> {
    /// Whether this is the first packet of a TCP handshake: SYN without ACK.
    #[inline(always)]
    pub const fn is_syn(&self) -> bool {
        self.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN
    }

    /// Whether layer 4 sees a request in it: a TCP segment with data and PSH, or a UDP datagram.
    #[inline(always)]
    pub const fn is_query(&self) -> bool {
        if self.protocol == crate::PROTOCOL_TCP {
            self.has_data && self.tcp_flags & TCP_PSH != 0
        } else {
            true
        }
    }
}
