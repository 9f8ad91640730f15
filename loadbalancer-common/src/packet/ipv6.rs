//! IPv6 (RFC 8200) and its extension headers.

use network_types::ip::Ipv6Hdr;

use super::{Frame, Malformed, Packet, transport};
use crate::{AddressV6, Be16};

const HEADER_LENGTH: usize = size_of::<Ipv6Hdr>();
/// Extension headers that are walked at most; a packet with more passes as an unknown protocol.
const MAX_EXTENSION_HEADERS: usize = 6;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// Reads the IPv6 packet at `offset`, extension headers skipped.
///
/// # Errors
///
/// [`Malformed`] when the version, a length, or the transport header does not fit.
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Packet<AddressV6>, Malformed> {
    let header: &Ipv6Hdr = frame.header(offset).ok_or(Malformed)?;
    let payload_length = usize::from(u16::from_be_bytes(header.payload_len));
    if header.vcf[0] >> 4 != 6 || frame.length() - offset < HEADER_LENGTH + payload_length {
        return Err(Malformed);
    }
    let mut packet = Packet {
        source: header.src_addr,
        destination: header.dst_addr,
        source_port: Be16::ZERO,
        destination_port: Be16::ZERO,
        network_offset: offset,
        transport_offset: offset + HEADER_LENGTH,
        protocol: header.next_hdr,
        tcp_flags: 0,
        has_data: false,
        has_ports: false,
    };
    let is_whole = skip_extension_headers(frame, &mut packet)?;
    let end = offset + HEADER_LENGTH + payload_length;
    if packet.transport_offset > end {
        return Err(Malformed);
    }
    if is_whole {
        let length = end - packet.transport_offset;
        transport::parse(frame, &mut packet, length)?;
    }
    Ok(packet)
}

/// Moves `packet` past its extension headers; tells whether it is whole, not a fragment.
#[inline(always)]
fn skip_extension_headers<F: Frame + ?Sized>(
    frame: &F,
    packet: &mut Packet<AddressV6>,
) -> Result<bool, Malformed> {
    for _ in 0..MAX_EXTENSION_HEADERS {
        let length_unit = match packet.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => 8,
            // RFC 4302: the length counts 4-byte words, less 2.
            AUTHENTICATION => 4,
            // A fragment header that says "offset 0, no more" is of an atomic fragment (RFC 6946);
            // it passes with the others.
            FRAGMENT => return Ok(false),
            _ => return Ok(true),
        };
        let [next, length] = *frame.header::<[u8; 2]>(packet.transport_offset).ok_or(Malformed)?;
        packet.protocol = next;
        packet.transport_offset += if length_unit == 8 {
            (usize::from(length) + 1) * 8
        } else {
            (usize::from(length) + 2) * 4
        };
    }
    Ok(true)
}
