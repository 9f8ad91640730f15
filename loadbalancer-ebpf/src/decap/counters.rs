//! Per-CPU counters: each CPU adds to its own copy, userspace sums them up.

use loadbalancer_common::{DecapDrop, DecapPass, TunnelKind};

use crate::{
    maps::{DECAP_DROPS, DECAP_PASSES, DECAPSULATED},
    outer::Outer,
};

/// Counts a packet that was taken out of `outer`, in a frame of `bytes` bytes.
#[inline(always)]
pub(crate) fn count_packet(outer: &Outer, bytes: u64) {
    let kind = TunnelKind::number(outer.content.is_gue, outer.is_v6, outer.content.is_inner_v6);
    if let Some(counters) = DECAPSULATED.get_ptr_mut(kind) {
        // SAFETY: this CPU's own copy; XDP programs do not interrupt each other on a CPU.
        let counters = unsafe { &mut *counters };
        counters.packets += 1;
        counters.bytes += bytes;
    }
}

/// Counts a dropped packet.
#[inline(always)]
pub(crate) fn count_drop(reason: DecapDrop) {
    if let Some(counter) = DECAP_DROPS.get_ptr_mut(reason as u32) {
        // SAFETY: as in `count_packet`.
        unsafe { *counter += 1 };
    }
}

/// Counts a fragment that passed.
#[inline(always)]
pub(crate) fn count_fragment() {
    if let Some(counter) = DECAP_PASSES.get_ptr_mut(DecapPass::Fragment as u32) {
        // SAFETY: as in `count_packet`.
        unsafe { *counter += 1 };
    }
}
