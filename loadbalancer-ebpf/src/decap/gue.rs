//! GUE: an IP packet behind a UDP header.
//!
//! Variant 1 has no header of its own: the inner packet, whose version begins with the bits 01,
//! follows the UDP header. Of variant 0 the plain data message is taken, which has a header of 4
//! bytes without optional fields. Control messages, options and other variants are not for us.
//! Source: draft-ietf-intarea-gue-09, sections 3 and 4. A checksum of zero is fine over IPv6 too
//! (RFC 6935).

use loadbalancer_common::{PROTOCOL_IPV4, PROTOCOL_IPV6, packet::Frame};
use network_types::udp::UdpHdr;

use crate::{frame::XdpFrame, globals::GUE_PORT, outer::Content, verdict::Verdict};

const UDP_LENGTH: usize = size_of::<UdpHdr>();
/// Variant 0: variant and control bit, protocol, flags.
const GUE_LENGTH: usize = 4;

/// What the UDP header at `offset` carries, when it is GUE.
#[inline(always)]
pub(crate) fn content(frame: &XdpFrame, offset: usize) -> Result<Content, Verdict> {
    let udp: &UdpHdr = frame.header(offset).ok_or(Verdict::Pass)?;
    let datagram_length = u16::from_be_bytes(udp.len);
    if u16::from_be_bytes(udp.dst) != GUE_PORT.load()
        || usize::from(datagram_length) < UDP_LENGTH + GUE_LENGTH
    {
        return Err(Verdict::Pass);
    }
    let first: &[u8; GUE_LENGTH] = frame.header(offset + UDP_LENGTH).ok_or(Verdict::Pass)?;
    let (headers_length, is_inner_v6) = match *first {
        [0, PROTOCOL_IPV4, 0, 0] => (UDP_LENGTH + GUE_LENGTH, false),
        [0, PROTOCOL_IPV6, 0, 0] => (UDP_LENGTH + GUE_LENGTH, true),
        // 4 or 6; with 5 or 7, the inner header is found to be of no version.
        [version, ..] if version >> 6 == 1 => (UDP_LENGTH, version & 0x20 != 0),
        _ => return Err(Verdict::Pass),
    };
    Ok(Content {
        is_gue: true,
        is_inner_v6,
        headers_length,
        datagram_length: Some(datagram_length),
    })
}
