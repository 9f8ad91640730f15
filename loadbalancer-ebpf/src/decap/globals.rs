//! Constants that the loader sets before the program is verified.

use aya_ebpf::Global;

/// UDP port of GUE, host order.
#[unsafe(no_mangle)]
pub(crate) static GUE_PORT: Global<u16> = Global::new(loadbalancer_common::GUE_PORT);

/// Whether inner destinations are restricted to the prefixes in `VIPS_V4` and `VIPS_V6`: 0 or 1.
#[unsafe(no_mangle)]
pub(crate) static RESTRICT_VIPS: Global<u8> = Global::new(0);
