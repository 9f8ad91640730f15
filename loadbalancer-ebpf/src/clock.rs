//! Time.

use aya_ebpf::helpers::generated::bpf_ktime_get_coarse_ns;

/// Nanoseconds of the monotonic clock as of the last timer tick: a load, not a clock read.
#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    // SAFETY: the helper takes nothing and only reads the kernel's time.
    unsafe { bpf_ktime_get_coarse_ns() }
}
