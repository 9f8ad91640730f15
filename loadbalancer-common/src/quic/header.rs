//! The connection id of a datagram, from what holds for every version of QUIC (RFC 8999).

use super::LONGEST_CONNECTION_ID;
use crate::packet::Frame;

/// Bytes of a UDP header.
const UDP_HEADER: usize = 8;
/// Bytes of a long header up to the destination connection id: flags, version, length.
const LONG_HEADER: usize = 6;
/// The first bit of a packet: whether its header is a long one.
const LONG: u8 = 0x80;
const LONGEST: usize = LONGEST_CONNECTION_ID as usize;

/// The destination connection id of a packet, as far as a server id can reach.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    /// Its first 20 bytes, filled up with zeros so that a word can be read wherever a part of an id
    /// begins. Behind a short header, which says no length, the packet's own bytes follow the id.
    pub bytes: [u8; 32],
    /// How many bytes the id can have: what a long header says, or what a short one leaves in the
    /// datagram.
    pub length: u32,
    /// Whether the header was a long one: a packet of the handshake, whose id the client may have
    /// made up.
    pub is_long: bool,
    /// Always 0.
    pub zero: [u8; 3],
}

const _: () = assert!(size_of::<ConnectionId>() == 40);

impl ConnectionId {
    /// No id at all.
    pub const EMPTY: Self = Self { bytes: [0; 32], length: 0, is_long: false, zero: [0; 3] };

    /// The configuration that the id was made by: the first three bits of its first byte.
    ///
    /// Source: draft-ietf-quic-load-balancers-21, section 3.1.
    #[inline(always)]
    pub const fn rotation(&self) -> u8 {
        let [first, ..] = self.bytes;
        first >> 5
    }

    /// The destination connection id of the QUIC packet in the datagram whose UDP header is at
    /// `offset`; none where there is no room for one.
    ///
    /// A datagram that is shorter than the longest id would make it is not read. No server could
    /// read it either: a protected packet has at least 20 bytes behind its connection id (RFC 9001,
    /// section 5.4.2), and clients send no others.
    #[inline(always)]
    pub fn of_datagram<F: Frame + ?Sized>(frame: &F, offset: usize) -> Option<Self> {
        let [_, _, _, _, high, low, _, _, flags, _, _, _, _, long_length] =
            *frame.header::<[u8; UDP_HEADER + LONG_HEADER]>(offset)?;
        let datagram = usize::from(u16::from_be_bytes([high, low]));
        let is_long = flags & LONG != 0;
        let start = if is_long { UDP_HEADER + LONG_HEADER } else { UDP_HEADER + 1 };
        let room = datagram.checked_sub(start)?;
        let length = if is_long { usize::from(long_length) } else { room };
        if length > room {
            return None;
        }
        let id = frame.header::<[u8; LONGEST]>(offset.wrapping_add(start))?;
        let mut bytes = [0; 32];
        *bytes.first_chunk_mut()? = *id;
        Some(Self { bytes, length: u32::try_from(length).ok()?, is_long, zero: [0; 3] })
    }
}
