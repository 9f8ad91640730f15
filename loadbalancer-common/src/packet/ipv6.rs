//! IPv6 (RFC 8200) and its extension headers.

use network_types::ip::Ipv6Hdr;

use super::{Frame, Malformed, Packet, copy_address, transport};
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
        source: copy_address(&header.src_addr),
        destination: copy_address(&header.dst_addr),
        source_port: Be16::ZERO,
        destination_port: Be16::ZERO,
        network_offset: offset,
        transport_offset: offset + HEADER_LENGTH,
        protocol: header.next_hdr,
        tcp_flags: 0,
        has_data: false,
        has_ports: false,
    };
    let mut is_whole = true;
    if is_extension_header(header.next_hdr) {
        let upper = UpperLayer::unpack(skip_extension_headers(frame, offset))?;
        packet.transport_offset = frame.forget_how(upper.offset);
        packet.protocol = upper.protocol;
        is_whole = upper.is_whole;
    }
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

#[inline(always)]
const fn is_extension_header(protocol: u8) -> bool {
    matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS)
}

/// What follows the extension headers.
struct UpperLayer {
    offset: usize,
    protocol: u8,
    /// Whether the packet is whole, not a fragment.
    is_whole: bool,
}

impl UpperLayer {
    const MALFORMED: u64 = u64::MAX;

    #[inline(always)]
    fn pack(upper: &Result<Self, Malformed>) -> u64 {
        match *upper {
            Ok(Self { offset, protocol, is_whole }) => {
                (offset as u64) << 16 | u64::from(protocol) << 8 | u64::from(is_whole)
            }
            Err(Malformed) => Self::MALFORMED,
        }
    }

    #[inline(always)]
    fn unpack(packed: u64) -> Result<Self, Malformed> {
        if packed == Self::MALFORMED {
            return Err(Malformed);
        }
        let [is_whole, protocol, low, high, ..] = packed.to_le_bytes();
        let offset = usize::from(u16::from_le_bytes([low, high]));
        Ok(Self { offset, protocol, is_whole: is_whole != 0 })
    }
}

/// Walks the extension headers of the packet at `offset`.
///
/// A function of its own, which on the BPF target answers in one register: packets without extension
/// headers, nearly all, do not pay for it.
#[inline(never)]
fn skip_extension_headers<F: Frame + ?Sized>(frame: &F, offset: usize) -> u64 {
    UpperLayer::pack(&upper_layer(frame, offset))
}

#[inline(always)]
fn upper_layer<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<UpperLayer, Malformed> {
    let header: &Ipv6Hdr = frame.header(offset).ok_or(Malformed)?;
    let mut protocol = header.next_hdr;
    let mut offset = offset + HEADER_LENGTH;
    for _ in 0..MAX_EXTENSION_HEADERS {
        let is_counted_in_8 = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => true,
            // RFC 4302: the length counts 4-byte words, less 2.
            AUTHENTICATION => false,
            // A fragment header that says "offset 0, no more" is of an atomic fragment (RFC 6946);
            // it passes with the others.
            FRAGMENT => return Ok(UpperLayer { offset, protocol, is_whole: false }),
            _ => break,
        };
        let [next, length] = *frame.header::<[u8; 2]>(offset).ok_or(Malformed)?;
        protocol = next;
        let units = usize::from(length);
        offset += if is_counted_in_8 { (units + 1) * 8 } else { (units + 2) * 4 };
    }
    Ok(UpperLayer { offset, protocol, is_whole: true })
}
