//! The inner header: whether the packet is whole, for whom it is, and what it hears of congestion.

use aya_ebpf::btf_maps::lpm_trie::Key;
use loadbalancer_common::{
    DecapDrop,
    checksum::Delta,
    ecn::{self, Ecn},
    packet::Frame,
};
use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::{
    frame::XdpFrame,
    globals::RESTRICT_VIPS,
    maps::{VIPS_V4, VIPS_V6},
    outer::Outer,
    verdict::{MALFORMED, Verdict},
};

const IPV4_LENGTH: usize = size_of::<Ipv4Hdr>();
const IPV6_LENGTH: usize = size_of::<Ipv6Hdr>();
/// Where the ECN bits are in the second byte of an IPv6 header, behind half of the traffic class.
const IPV6_ECN_SHIFT: u8 = 4;

/// Lets the inner packet go on when it is of the version that the tunnel says, fits into it, and is
/// for an accepted destination.
#[inline(always)]
pub(crate) fn check(frame: &XdpFrame, outer: &Outer) -> Result<(), Verdict> {
    let is_accepted = if outer.content.is_inner_v6 {
        let header: &Ipv6Hdr = frame.header(outer.inner_offset).ok_or(MALFORMED)?;
        let length = IPV6_LENGTH + usize::from(u16::from_be_bytes(header.payload_len));
        if header.vcf[0] >> 4 != 6 || length > outer.inner_length {
            return Err(MALFORMED);
        }
        RESTRICT_VIPS.load() == 0 || VIPS_V6.get(&Key::new(128, header.dst_addr)).is_some()
    } else {
        let header: &Ipv4Hdr = frame.header(outer.inner_offset).ok_or(MALFORMED)?;
        let header_length = usize::from(header.vihl & 0x0f) * 4;
        let length = usize::from(u16::from_be_bytes(header.tot_len));
        if header.vihl >> 4 != 4
            || header_length < IPV4_LENGTH
            || length < header_length
            || length > outer.inner_length
        {
            return Err(MALFORMED);
        }
        RESTRICT_VIPS.load() == 0 || VIPS_V4.get(&Key::new(32, header.dst_addr)).is_some()
    };
    if is_accepted { Ok(()) } else { Err(Verdict::Drop(DecapDrop::DestinationNotAllowed)) }
}

/// Brings the outer header's congestion mark to the inner header.
#[inline(always)]
pub(crate) fn mark_congestion(frame: &XdpFrame, outer: &Outer) -> Result<(), Verdict> {
    let outer_ecn = Ecn::of(outer.traffic_class);
    if outer.content.is_inner_v6 {
        let vcf: &mut [u8; 4] = frame.header_mut(outer.inner_offset).ok_or(MALFORMED)?;
        let ecn = combine(Ecn::of(vcf[1] >> IPV6_ECN_SHIFT), outer_ecn)?;
        vcf[1] = vcf[1] & !(Ecn::MASK << IPV6_ECN_SHIFT) | (ecn as u8) << IPV6_ECN_SHIFT;
        return Ok(());
    }
    let header: &mut Ipv4Hdr = frame.header_mut(outer.inner_offset).ok_or(MALFORMED)?;
    let marked = combine(Ecn::of(header.tos), outer_ecn)?.set_in(header.tos);
    if marked != header.tos {
        let delta = Delta::new().replace_word([header.vihl, header.tos], [header.vihl, marked]);
        header.tos = marked;
        header.check = delta.apply(header.check);
    }
    Ok(())
}

#[inline(always)]
fn combine(inner: Ecn, outer: Ecn) -> Result<Ecn, Verdict> {
    ecn::decapsulate(inner, outer).ok_or(Verdict::Drop(DecapDrop::CongestionMarked))
}
