//! Per-CPU counters: each CPU adds to its own copy, userspace sums them up.

use loadbalancer_common::{DropReason, Event};

use crate::maps::{COUNTERS, DROPS, EVENTS, RULE_COUNTERS};

/// Counts a packet of `bytes` bytes for a backend: the one counter update of the hot path.
#[inline(always)]
pub(crate) fn count_packet(backend: u32, bytes: u64, is_new: bool, is_query: bool) {
    if let Some(counters) = COUNTERS.get_ptr_mut(backend) {
        // SAFETY: this CPU's own copy; XDP programs do not interrupt each other on a CPU.
        let counters = unsafe { &mut *counters };
        counters.packets += 1;
        counters.bytes += bytes;
        counters.connections += u64::from(is_new);
        counters.queries += u64::from(is_query);
    }
}

/// Counts a packet of `bytes` bytes that a firewall rule decided.
#[inline(always)]
pub(crate) fn count_rule(rule: u32, bytes: u64) {
    if let Some(counters) = RULE_COUNTERS.get_ptr_mut(rule) {
        // SAFETY: as in `count_packet`.
        let counters = unsafe { &mut *counters };
        counters.packets += 1;
        counters.bytes += bytes;
    }
}

/// Counts a dropped packet.
#[inline(always)]
pub(crate) fn count_drop(reason: DropReason) {
    if let Some(counter) = DROPS.get_ptr_mut(reason as u32) {
        // SAFETY: as in `count_packet`.
        unsafe { *counter += 1 };
    }
}

/// Counts an event.
#[inline(always)]
pub(crate) fn count_event(event: Event) {
    if let Some(counter) = EVENTS.get_ptr_mut(event as u32) {
        // SAFETY: as in `count_packet`.
        unsafe { *counter += 1 };
    }
}
