//! The kernel side: one XDP program, the way of a packet through it, in one screen.
//!
//! Each stage either lets the packet go on (`Ok`) or ends its way (`Err(Verdict)`), so `?` reads as
//! "stop here". IPv4 and IPv6 run the same stages, compiled once for each family.
//!
//! The crate compiles for the host too, where its `main` is empty, so that every lint and check of
//! the workspace covers it.

#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers are cut to fields on purpose, and a checked conversion would be a branch"
)]

mod clock;
mod counters;
mod family;
mod forward;
mod frame;
mod globals;
mod maps;
mod report;
mod stages;

use aya_ebpf::{bindings::xdp_action, programs::XdpContext};
use loadbalancer_common::{
    AddressV4, AddressV6, Verdict,
    packet::ethernet::{self, Payload},
};

use crate::{family::Family, frame::XdpFrame};

/// The XDP program: from a frame to an XDP action.
#[expect(clippy::needless_pass_by_value, reason = "the macro's entry point passes it by value")]
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
pub fn loadbalancer(context: XdpContext) -> u32 {
    let frame = XdpFrame::new(&context);
    match ethernet::parse(&frame) {
        Payload::Ipv4(offset) => balance_v4(&frame, offset),
        Payload::Ipv6(offset) => balance_v6(&frame, offset),
        Payload::Other => xdp_action::XDP_PASS,
    }
}

// Functions of their own, so that each family has a stack of its own: 512 bytes hold one way.

#[inline(never)]
fn balance_v4(frame: &XdpFrame, offset: usize) -> u32 {
    let (Ok(verdict) | Err(verdict)) = balance::<AddressV4>(frame, offset);
    action(verdict)
}

#[inline(never)]
fn balance_v6(frame: &XdpFrame, offset: usize) -> u32 {
    let (Ok(verdict) | Err(verdict)) = balance::<AddressV6>(frame, offset);
    action(verdict)
}

/// The way of the IP packet at `offset`.
#[inline(always)]
fn balance<A: Family>(frame: &XdpFrame, offset: usize) -> Result<Verdict, Verdict> {
    stages::local::require_own_mac(frame)?;
    let mut packet = A::parse(frame, offset)?;
    A::keep_in_memory(&mut packet);
    stages::reply::translate_back(frame, &packet)?;
    stages::firewall::admit(frame, &packet)?;
    let service = stages::service::find(&packet)?;
    let selected = stages::select::select_backend(frame, &packet, &service)?;
    forward::forward(frame, &packet, &service, &selected)
}

/// The XDP action of a verdict; counts a drop under its reason.
#[inline(always)]
fn action(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Pass => xdp_action::XDP_PASS,
        Verdict::Drop(reason) => {
            counters::count_drop(reason);
            xdp_action::XDP_DROP
        }
        Verdict::DropByRule => xdp_action::XDP_DROP,
        Verdict::Transmit => xdp_action::XDP_TX,
        Verdict::Redirect => xdp_action::XDP_REDIRECT,
    }
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
