//! May the packet come in?

use aya_ebpf::btf_maps::lpm_trie::Key;
use loadbalancer_common::{
    RuleAction, Verdict,
    packet::{Frame, Packet},
};

use crate::{counters, family::Family, frame::XdpFrame, globals::FIREWALL};

/// Drops packets whose source is in a dropped prefix. The longest prefix that contains the source
/// decides, so a longer `pass` beats a shorter `drop`. Neighbour discovery always passes: without
/// it the host would lose its network.
#[inline(always)]
pub(crate) fn admit<A: Family>(frame: &XdpFrame, packet: &Packet<A>) -> Result<(), Verdict> {
    if FIREWALL.load() == 0 {
        return Ok(());
    }
    let Some(rule) = A::prefixes().get(&Key::new(A::BITS, packet.source)) else { return Ok(()) };
    let drops = rule.action == RuleAction::Drop as u32;
    if drops && A::is_neighbour_discovery(frame, packet) {
        return Ok(());
    }
    counters::count_rule(rule.rule, frame.length() as u64);
    if drops { Err(Verdict::DropByRule) } else { Ok(()) }
}
