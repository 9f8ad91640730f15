//! The outer headers: whether they are a tunnel to this host, and from whom.
//!
//! Cheap questions first, so that a packet which is not encapsulated leaves after one header.

use aya_ebpf::btf_maps::lpm_trie::Key;
use loadbalancer_common::{DecapDrop, PROTOCOL_IPV4, PROTOCOL_IPV6, PROTOCOL_UDP, packet::Frame};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::{
    frame::XdpFrame,
    gue,
    maps::{ALLOWED_V4, ALLOWED_V6, OWN_V4, OWN_V6},
    verdict::{MALFORMED, Verdict},
};

const IPV4_LENGTH: usize = size_of::<Ipv4Hdr>();
const IPV6_LENGTH: usize = size_of::<Ipv6Hdr>();
/// IPv4: more fragments, or a fragment offset. The packet is a part of one.
const FRAGMENT_BITS: u16 = 0x3fff;
/// IPv4: the fragment offset alone.
const FRAGMENT_OFFSET: u16 = 0x1fff;
/// IPv6 extension header of a fragment (RFC 8200, section 4.5).
const FRAGMENT_HEADER: u8 = 44;

/// A tunnel to this host, from an allowed source, with lengths that fit.
pub(crate) struct Outer {
    /// Traffic class of the outer header.
    pub(crate) traffic_class: u8,
    /// Whether the outer header is IPv6.
    pub(crate) is_v6: bool,
    /// What the tunnel holds.
    pub(crate) content: Content,
    /// Where the inner header begins, in bytes from the start of the frame.
    pub(crate) inner_offset: usize,
    /// Bytes that the outer headers leave for the inner packet.
    pub(crate) inner_length: usize,
    /// Bytes of the whole frame.
    pub(crate) frame_length: usize,
}

/// What lies behind an outer IP header.
#[derive(Clone, Copy)]
pub(crate) struct Content {
    /// Whether the tunnel is GUE, else IP in IP.
    pub(crate) is_gue: bool,
    /// Whether the inner header is IPv6, by what the outer headers say.
    pub(crate) is_inner_v6: bool,
    /// Bytes of the headers between the outer and the inner IP header.
    pub(crate) headers_length: usize,
    /// Bytes behind the outer IP header by the UDP header's own account; all of them without one.
    pub(crate) datagram_length: Option<u16>,
}

/// The tunnel in the IPv4 packet at `offset`.
#[inline(always)]
pub(crate) fn v4(frame: &XdpFrame, offset: usize) -> Result<Outer, Verdict> {
    let header: &Ipv4Hdr = frame.header(offset).ok_or(Verdict::Pass)?;
    let header_length = usize::from(header.vihl & 0x0f) * 4;
    // Nobody can tell where the content of an unreadable header begins: the host judges it.
    let is_readable = header.vihl >> 4 == 4 && header_length >= IPV4_LENGTH;
    let destination = &header.dst_addr;
    if !may_be_tunnel(header.proto) || !is_readable || OWN_V4.get_ptr(destination).is_none() {
        return Err(Verdict::Pass);
    }
    let fragment = u16::from_be_bytes(header.frags);
    let is_later_fragment = fragment & FRAGMENT_OFFSET != 0;
    let content = content(frame, offset + header_length, header.proto, is_later_fragment)?;
    if ALLOWED_V4.get(&Key::new(32, header.src_addr)).is_none() {
        return Err(Verdict::Drop(DecapDrop::SourceNotAllowed));
    }
    if fragment & FRAGMENT_BITS != 0 {
        return Err(Verdict::PassFragment);
    }
    let total_length = usize::from(u16::from_be_bytes(header.tot_len));
    let payload_length = total_length.checked_sub(header_length).ok_or(MALFORMED)?;
    let payload_offset = offset + header_length;
    outer(frame, content, payload_offset, payload_length, header.tos, false)
}

/// The tunnel in the IPv6 packet at `offset`.
#[inline(always)]
pub(crate) fn v6(frame: &XdpFrame, offset: usize) -> Result<Outer, Verdict> {
    let header: &Ipv6Hdr = frame.header(offset).ok_or(Verdict::Pass)?;
    let payload_offset = offset + IPV6_LENGTH;
    let (mut protocol, mut content_offset) = (header.next_hdr, payload_offset);
    let (mut is_fragment, mut is_later_fragment) = (false, false);
    if protocol == FRAGMENT_HEADER {
        let [next, _, high, low, ..] =
            *frame.header::<[u8; 8]>(payload_offset).ok_or(Verdict::Pass)?;
        (protocol, content_offset) = (next, payload_offset + size_of::<[u8; 8]>());
        // The offset is in the upper 13 bits.
        (is_fragment, is_later_fragment) = (true, u16::from_be_bytes([high, low]) >> 3 != 0);
    }
    let is_readable = header.vcf[0] >> 4 == 6;
    let destination = &header.dst_addr;
    if !may_be_tunnel(protocol) || !is_readable || OWN_V6.get_ptr(destination).is_none() {
        return Err(Verdict::Pass);
    }
    let content = content(frame, content_offset, protocol, is_later_fragment)?;
    if ALLOWED_V6.get(&Key::new(128, header.src_addr)).is_none() {
        return Err(Verdict::Drop(DecapDrop::SourceNotAllowed));
    }
    if is_fragment {
        return Err(Verdict::PassFragment);
    }
    let payload_length = usize::from(u16::from_be_bytes(header.payload_len));
    let traffic_class = header.vcf[0] << 4 | header.vcf[1] >> 4;
    outer(frame, content, payload_offset, payload_length, traffic_class, true)
}

#[inline(always)]
const fn may_be_tunnel(protocol: u8) -> bool {
    matches!(protocol, PROTOCOL_IPV4 | PROTOCOL_IPV6 | PROTOCOL_UDP)
}

/// What the protocol says that lies at `offset`.
#[inline(always)]
fn content(
    frame: &XdpFrame,
    offset: usize,
    protocol: u8,
    is_later_fragment: bool,
) -> Result<Content, Verdict> {
    if protocol != PROTOCOL_UDP {
        return Ok(Content {
            is_gue: false,
            is_inner_v6: protocol == PROTOCOL_IPV6,
            headers_length: 0,
            datagram_length: None,
        });
    }
    if is_later_fragment {
        // Its port is in the first one, so nobody can tell whether it is ours.
        return Err(Verdict::Pass);
    }
    gue::content(frame, offset)
}

/// Puts together what is known, once the lengths fit into each other and into the frame.
#[inline(always)]
fn outer(
    frame: &XdpFrame,
    content: Content,
    payload_offset: usize,
    payload_length: usize,
    traffic_class: u8,
    is_v6: bool,
) -> Result<Outer, Verdict> {
    let frame_length = frame.length();
    let length = content.datagram_length.map_or(payload_length, usize::from);
    if payload_offset + payload_length > frame_length || length > payload_length {
        return Err(MALFORMED);
    }
    Ok(Outer {
        traffic_class,
        is_v6,
        content,
        inner_offset: payload_offset + content.headers_length,
        inner_length: length.saturating_sub(content.headers_length),
        frame_length,
    })
}
