//! Constants that the loader sets before the program is verified.
//!
//! The verifier knows their values and removes the branches that they switch off.

use aya_ebpf::Global;
use loadbalancer_common::MacWord;

/// Whether the firewall has any prefix: 0 or 1.
#[unsafe(no_mangle)]
pub(crate) static FIREWALL: Global<u8> = Global::new(0);

/// First port of the translation range, host order.
#[unsafe(no_mangle)]
pub(crate) static NAT_PORT_FIRST: Global<u16> = Global::new(0);

/// Number of ports in the translation range; 0 switches translation off.
#[unsafe(no_mangle)]
pub(crate) static NAT_PORT_COUNT: Global<u16> = Global::new(0);

/// Link-layer address of the interface that the program is attached
/// to; none: any.
#[unsafe(no_mangle)]
pub(crate) static OWN_MAC: Global<MacWord> = Global::new(MacWord::NONE);

/// Whether any service follows QUIC connections by their ids: 0 or 1.
#[unsafe(no_mangle)]
pub(crate) static QUIC: Global<u8> = Global::new(0);
