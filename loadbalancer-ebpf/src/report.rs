//! The log of rare events: what an operator must hear of, at most once a second from each CPU.

use crate::{clock, maps::LAST_REPORT};

const INTERVAL_NS: u64 = 1_000_000_000;

/// Reports that no port was free towards a backend.
#[inline(never)]
#[cfg_attr(
    not(target_arch = "bpf"),
    expect(unused_variables, reason = "the log exists for the BPF target only")
)]
pub(crate) fn ports_exhausted(backend: u32) {
    if is_due() {
        #[cfg(target_arch = "bpf")]
        aya_log_ebpf::warn!(
            (), // the macro asks for a context and does not use it
            "no port is free for a new connection to backend {}: widen nat.ports",
            backend
        );
    }
}

/// Whether a second has passed since the last report of this CPU; if so, this is the next.
#[inline(always)]
fn is_due() -> bool {
    let now = clock::now_ns();
    let Some(last) = LAST_REPORT.get_ptr_mut(0) else { return false };
    // SAFETY: this CPU's own copy; XDP programs do not interrupt each other on a CPU.
    let last = unsafe { &mut *last };
    if now.wrapping_sub(*last) < INTERVAL_NS {
        return false;
    }
    *last = now;
    true
}
