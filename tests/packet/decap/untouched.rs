//! What looks like a tunnel and is none of ours: fragments, other headers, other kinds of GUE.

use std::net::SocketAddr;

use loadbalancer_common::DecapDrop;

use super::{
    backend::Backend,
    tunnel::{BACKEND_V4, Encapsulation, GUE, Tunnel, tunnels},
};
use crate::{
    frames::{Extension, IP, patched},
    network::{TCP_V4, UDP_V4},
};

fn is_ipip(tunnel: Tunnel) -> bool {
    tunnel.encapsulation == Encapsulation::Ipip
}

#[test]
fn ipv4_fragments_of_tunnels_pass_and_are_counted() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.is_outer_v4) {
        let outer = tunnel.wrap(&tunnel.request());
        backend.passes_fragment(&outer.clone().ipv4_fragment(0, true).bytes());
        let later = outer.clone().ipv4_fragment(3, false).bytes();
        if is_ipip(tunnel) {
            backend.passes_fragment(&later);
        } else {
            // Without a UDP header nobody can tell whether it is GUE.
            backend.passes(&later);
        }
        let stranger = SocketAddr::new([198, 51, 100, 1].into(), 1);
        let stranger = outer.from(stranger).ipv4_fragment(0, true).bytes();
        backend.drops(DecapDrop::SourceNotAllowed, &stranger);
    }
}

#[test]
fn ipv6_fragments_of_tunnels_pass_and_are_counted() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| !tunnel.is_outer_v4) {
        let outer = || tunnel.wrap(&tunnel.request());
        for (offset, more) in [(0, true), (0, false)] {
            let frame = outer().extension(Extension::Fragment(offset, more)).bytes();
            backend.passes_fragment(&frame);
        }
        let later = outer().extension(Extension::Fragment(3, false)).bytes();
        if is_ipip(tunnel) {
            backend.passes_fragment(&later);
        } else {
            backend.passes(&later);
        }
    }
}

#[test]
fn fragments_of_other_datagrams_are_not_counted() {
    let mut backend = Backend::new();
    let to_us = UDP_V4.opening(UDP_V4.client(7, 40_000)).to((BACKEND_V4, 53).into());
    backend.passes(&to_us.clone().bytes());
    backend.passes(&to_us.clone().ipv4_fragment(0, true).bytes());
    backend.passes(&to_us.ipv4_fragment(3, false).bytes());
}

#[test]
fn tunnels_behind_ipv6_extension_headers_pass() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| !tunnel.is_outer_v4) {
        for extension in [
            Extension::HopByHop,
            Extension::Routing,
            Extension::DestinationOptions(0),
            Extension::Authentication,
        ] {
            backend.passes(&tunnel.wrap(&tunnel.request()).extension(extension).bytes());
        }
    }
}

#[test]
fn other_kinds_of_gue_pass() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.encapsulation == Encapsulation::Gue0) {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let gue = tunnel.inner_offset() - 4;
        let protocol = tunnel.inner_protocol();
        let others = [
            [0x20, protocol, 0, 0],    // a control message
            [0x01, protocol, 0, 0],    // with a word of private data
            [0x1f, protocol, 0, 0],    // with as many as there can be
            [0x00, protocol, 0x80, 0], // with a flag
            [0x00, protocol, 0, 1],    // with another
            [0x00, 6, 0, 0],           // TCP without IP
            [0x00, 59, 0, 0],          // no next header
            [0x80, protocol, 0, 0],    // variant 2
            [0xc0, protocol, 0, 0],    // variant 3
        ];
        for other in others {
            backend.passes(&patched(&frame, gue, &other));
        }
    }
}

#[test]
fn datagrams_to_other_ports_and_from_the_gue_port_pass() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| !is_ipip(*tunnel)) {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let udp = IP + if tunnel.is_outer_v4 { 20 } else { 40 };
        let ports = [GUE, GUE + 1].map(u16::to_be_bytes).concat();
        backend.passes(&patched(&frame, udp, &ports));
    }
}

#[test]
fn other_protocols_to_this_host_pass() {
    let mut backend = Backend::new();
    backend.passes(&TCP_V4.opening(TCP_V4.client(7, 40_000)).to((BACKEND_V4, GUE).into()).bytes());
    for tunnel in tunnels().filter(|tunnel| is_ipip(*tunnel)).filter(|tunnel| tunnel.is_outer_v4) {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        for protocol in [0, 1, 47, 50, 132] {
            backend.passes(&patched(&frame, IP + 9, &[protocol]));
        }
    }
}

#[test]
fn what_is_not_ip_passes() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        backend.passes(&patched(&frame, 12, &[0x08, 0x06]));
        let tagged = tunnel.wrap(&tunnel.request()).tag(1).tag(2).tag(3).bytes();
        backend.passes(&tagged);
    }
}
