//! The kernel side of a backend: takes packets out of the tunnel that a balancer put them in.
//!
//! A program of its own, so that a backend does not carry the balancer's maps. What is no
//! encapsulated packet to this host passes untouched; what is one, from an allowed source, goes to
//! the host as if it had come without the tunnel: the link-layer header moves, tags are kept, and
//! its type becomes the inner family's. One layer is removed, not what is inside that.
//!
//! The DSCP of the inner header stays (the pipe model of RFC 2983), congestion marks of the outer
//! one reach it (RFC 6040). A UDP checksum of the outer header is not verified: it would take a walk
//! over the whole packet, whose own checksum the host verifies.
//!
//! `xdp.frags`: frames larger than a page are taken out too, as long as their headers lie in the
//! first buffer. It needs Linux 5.18.

#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers are cut to fields on purpose, and a checked conversion would be a branch"
)]

mod counters;
mod frame;
mod globals;
mod gue;
mod inner;
mod maps;
mod outer;
mod strip;
mod verdict;

use aya_ebpf::{bindings::xdp_action, programs::XdpContext};
use loadbalancer_common::packet::ethernet::{self, Payload};

use crate::{frame::XdpFrame, outer::Outer, verdict::Verdict};

/// The XDP program: from a frame to an XDP action.
#[expect(clippy::needless_pass_by_value, reason = "the macro's entry point passes it by value")]
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp(frags))]
pub fn decap(context: XdpContext) -> u32 {
    let frame = XdpFrame::new(&context);
    match decapsulate(&frame) {
        Ok(()) | Err(Verdict::Pass) => xdp_action::XDP_PASS,
        Err(Verdict::PassFragment) => {
            counters::count_fragment();
            xdp_action::XDP_PASS
        }
        Err(Verdict::Drop(reason)) => {
            counters::count_drop(reason);
            xdp_action::XDP_DROP
        }
    }
}

/// The way of a frame: `Ok` when a header was taken off.
#[inline(always)]
fn decapsulate(frame: &XdpFrame) -> Result<(), Verdict> {
    match ethernet::parse(frame) {
        Payload::Ipv4(offset) => open(frame, offset, &outer::v4(frame, offset)?),
        Payload::Ipv6(offset) => open(frame, offset, &outer::v6(frame, offset)?),
        Payload::Other => Err(Verdict::Pass),
    }
}

/// Takes the packet inside `outer` out, when it is what it says.
#[inline(always)]
fn open(frame: &XdpFrame, network_offset: usize, outer: &Outer) -> Result<(), Verdict> {
    inner::check(frame, outer)?;
    inner::mark_congestion(frame, outer)?;
    let length = strip::remove(frame, network_offset, outer)?;
    counters::count_packet(outer, length as u64);
    Ok(())
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}

/// Unreachable: a program in which this could run does not pass the verifier.
#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lets only programs with a GPL-compatible licence call some helpers.
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
