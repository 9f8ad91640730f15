//! What the modes share: new addresses and ports with their checksums, new MACs and the way out.

use aya_ebpf::helpers::generated::bpf_redirect;
use loadbalancer_common::{
    Be16, DropReason, MacWord, PROTOCOL_TCP, Verdict, checksum::Delta, packet::Packet,
};
use network_types::{tcp::TcpHdr, udp::UdpHdr};

use crate::{family::Family, frame::XdpFrame};

/// The two ends that a translated packet shall have.
pub(crate) struct Endpoints<A> {
    pub(crate) source: A,
    pub(crate) destination: A,
    pub(crate) source_port: Be16,
    pub(crate) destination_port: Be16,
}

/// The frame ends before a header that was read from it: cannot happen, and the verifier wants it
/// handled.
const CUT: Verdict = Verdict::Drop(DropReason::Malformed);

/// Gives the packet new addresses and ports; checksums change by what changed (RFC 1624).
#[inline(always)]
pub(crate) fn translate<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    to: &Endpoints<A>,
) -> Result<(), Verdict> {
    let addresses = A::set_addresses(frame, packet, &to.source, &to.destination).ok_or(CUT)?;
    let delta = addresses
        .replace_word(packet.source_port.0, to.source_port.0)
        .replace_word(packet.destination_port.0, to.destination_port.0);
    if packet.protocol == PROTOCOL_TCP {
        set_tcp(frame, packet.transport_offset, to, delta)
    } else {
        set_udp(frame, packet.transport_offset, to, delta)
    }
}

#[inline(always)]
fn set_tcp<A: Family>(
    frame: &XdpFrame,
    offset: usize,
    to: &Endpoints<A>,
    delta: Delta,
) -> Result<(), Verdict> {
    let header = frame.parsed_header_mut::<TcpHdr>(offset).ok_or(CUT)?;
    header.source = to.source_port.0;
    header.dest = to.destination_port.0;
    header.check = delta.apply(header.check);
    Ok(())
}

#[inline(always)]
fn set_udp<A: Family>(
    frame: &XdpFrame,
    offset: usize,
    to: &Endpoints<A>,
    delta: Delta,
) -> Result<(), Verdict> {
    let header = frame.parsed_header_mut::<UdpHdr>(offset).ok_or(CUT)?;
    header.src = to.source_port.0;
    header.dst = to.destination_port.0;
    header.check = delta.apply_udp(header.check);
    Ok(())
}

/// Addresses the frame to `destination` and says how it leaves by interface `ifindex`.
#[inline(always)]
pub(crate) fn send(
    frame: &XdpFrame,
    destination: MacWord,
    source: MacWord,
    ifindex: u32,
) -> Result<Verdict, Verdict> {
    frame.set_macs(destination, source).ok_or(CUT)?;
    if ifindex == frame.ifindex() {
        return Ok(Verdict::Transmit);
    }
    // SAFETY: the helper takes two integers; it notes where this frame shall go.
    unsafe { bpf_redirect(ifindex, 0) };
    Ok(Verdict::Redirect)
}
