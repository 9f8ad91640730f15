//! Direct server return: only the MAC addresses change; the backend has the VIP and answers the
//! client itself.

use loadbalancer_common::Verdict;

use crate::{forward::rewrite, frame::XdpFrame, stages::select::Selected};

/// Sends the packet, unchanged behind its Ethernet header, to the backend's next hop.
#[inline(always)]
pub(crate) fn forward(frame: &XdpFrame, selected: &Selected) -> Result<Verdict, Verdict> {
    let backend = selected.backend;
    rewrite::send(frame, backend.next_hop, backend.source_mac, backend.ifindex)
}
