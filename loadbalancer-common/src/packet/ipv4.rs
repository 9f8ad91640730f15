//! IPv4 (RFC 791).

use network_types::ip::Ipv4Hdr;

use super::{Frame, Malformed, Packet, transport};
use crate::{AddressV4, Be16};

const HEADER_LENGTH: usize = size_of::<Ipv4Hdr>();
/// More fragments, or a fragment offset: the packet is a part of one.
const FRAGMENT_BITS: u16 = 0x3fff;

/// Reads the IPv4 packet at `offset`, options skipped.
///
/// The header's checksum is left to whoever the packet is for: forwarding updates it
/// incrementally, so that a wrong one stays wrong.
///
/// # Errors
///
/// [`Malformed`] when the version, a length, or the transport header does not fit.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet<AddressV4>, Malformed> {
    let header: &Ipv4Hdr = frame.header(offset).ok_or(Malformed)?;
    let header_length = usize::from(header.vihl & 0x0f) * 4;
    let total_length = usize::from(u16::from_be_bytes(header.tot_len));
    if header.vihl >> 4 != 4
        || header_length < HEADER_LENGTH
        || total_length < header_length
        || frame.length() - offset < total_length
    {
        return Err(Malformed);
    }
    let mut packet = Packet {
        source: header.src_addr,
        destination: header.dst_addr,
        source_port: Be16::ZERO,
        destination_port: Be16::ZERO,
        network_offset: offset,
        transport_offset: offset + header_length,
        protocol: header.proto,
        tcp_flags: 0,
        has_data: false,
        has_ports: false,
    };
    if u16::from_be_bytes(header.frags) & FRAGMENT_BITS == 0 {
        transport::parse(frame, &mut packet, total_length - header_length)?;
    }
    Ok(packet)
}
