//! How a packet reaches its backend: one file a mode.

mod dsr;
pub(crate) mod nat;
pub(crate) mod rewrite;

use loadbalancer_common::{
    BackendFlags, DropReason, ForwardMode, Service, Verdict,
    packet::{Frame, Packet},
};

use crate::{counters, family::Family, frame::XdpFrame, stages::select::Selected};

/// Rewrites the packet for its backend, counts it, and says where it leaves.
#[inline(always)]
pub(crate) fn forward<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    service: &Service,
    selected: &Selected,
) -> Result<Verdict, Verdict> {
    if !selected.backend.flags.contains(BackendFlags::REACHABLE) {
        return Err(Verdict::Drop(DropReason::NeighbourUnresolved));
    }
    let length = frame.length() as u64;
    let verdict = match ForwardMode::from_number(service.forward) {
        Some(ForwardMode::Nat) => nat::forward(frame, packet, selected),
        Some(ForwardMode::Dsr) => dsr::forward(frame, selected),
        None => Err(Verdict::Drop(DropReason::NoBackend)),
    }?;
    counters::count_packet(selected.id, length, selected.is_new, packet.is_query());
    Ok(verdict)
}
