//! Is the frame for this interface at all?

use loadbalancer_common::{MacWord, Verdict};

use crate::{frame::XdpFrame, globals::OWN_MAC};

/// Lets frames to this interface's own link-layer address go on; others pass untouched.
///
/// A switch floods what it has not learnt yet, and an interface in promiscuous mode hands it over:
/// forwarding such a copy would duplicate another host's packets.
#[inline(always)]
pub(crate) fn require_own_mac(frame: &XdpFrame) -> Result<(), Verdict> {
    let own = OWN_MAC.load();
    if own == MacWord::NONE {
        return Ok(());
    }
    match frame.macs() {
        Some((destination, _)) if destination == own => Ok(()),
        _ => Err(Verdict::Pass),
    }
}
