//! Encapsulated packets that contradict themselves: dropped, and nothing else happens.

use loadbalancer_common::DecapDrop;

use super::{
    backend::Backend,
    tunnel::{Encapsulation, Tunnel, tunnels},
};
use crate::{
    balancer::{Action, Outcome, SHORTEST},
    frames::{IP, patched},
};

/// Where the length of an IP header's packet stands.
const fn length_offset(is_v4: bool) -> usize {
    if is_v4 { 2 } else { 4 }
}

fn length_at(frame: &[u8], offset: usize) -> u16 {
    u16::from_be_bytes(frame[offset..offset + 2].try_into().unwrap())
}

fn udp_offset(tunnel: Tunnel) -> usize {
    IP + if tunnel.is_outer_v4 { 20 } else { 40 }
}

#[test]
fn a_frame_that_ends_early_is_dropped_once_it_tells_of_a_tunnel_to_us() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        // What is needed to see that it is one: outer header, UDP and GUE headers.
        let told = match tunnel.encapsulation {
            Encapsulation::Ipip => tunnel.inner_offset(),
            Encapsulation::Gue1 | Encapsulation::Gue0 => udp_offset(tunnel) + 12,
        };
        for length in SHORTEST..told {
            backend.passes(&frame[..length]);
        }
        for length in told..frame.len() {
            backend.drops(DecapDrop::Malformed, &frame[..length]);
        }
    }
}

#[test]
fn an_outer_length_that_does_not_hold_the_inner_packet_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let at = IP + length_offset(tunnel.is_outer_v4);
        let length = length_at(&frame, at);
        for wrong in [0, 1, 19, 20, 39, 40, 41, length - 1, length + 1, u16::MAX] {
            let frame = patched(&frame, at, &wrong.to_be_bytes());
            backend.drops(DecapDrop::Malformed, &frame);
        }
    }
}

#[test]
fn an_inner_length_that_does_not_fit_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let at = tunnel.inner_offset() + length_offset(tunnel.is_inner_v4);
        let length = length_at(&frame, at);
        let mut wrong = vec![length + 1, u16::MAX];
        if tunnel.is_inner_v4 {
            wrong.extend([0, 19]);
        }
        for wrong in wrong {
            backend.drops(DecapDrop::Malformed, &patched(&frame, at, &wrong.to_be_bytes()));
        }
        // Padding behind the tunnel's packet is not part of it.
        let padded = tunnel.wrap(&tunnel.request()).padding(8).bytes();
        let padded = patched(&padded, at, &(length + 4).to_be_bytes());
        backend.drops(DecapDrop::Malformed, &padded);
    }
}

#[test]
fn an_inner_header_of_the_wrong_version_or_length_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let at = tunnel.inner_offset();
        let mut wrong = vec![0x55, 0x75];
        if tunnel.encapsulation != Encapsulation::Gue1 {
            // GUE of variant 1 tells by these bits what it is.
            let other = if tunnel.is_inner_v4 { 0x65 } else { 0x45 };
            wrong.extend([0x05, 0x85, 0xf5, other]);
        }
        if tunnel.is_inner_v4 {
            wrong.extend([0x40, 0x44]);
        }
        for first in wrong {
            backend.drops(DecapDrop::Malformed, &patched(&frame, at, &[first]));
        }
    }
}

#[test]
fn an_ipv4_header_longer_than_its_packet_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.is_inner_v4) {
        // 28 bytes, of which the header claims 60.
        let mut content = tunnel.request().bytes()[IP..IP + 28].to_vec();
        content[0] = 0x4f;
        content[2..4].copy_from_slice(&28_u16.to_be_bytes());
        backend.drops(DecapDrop::Malformed, &tunnel.around(&content).padding(64).bytes());
    }
}

#[test]
fn nothing_inside_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.around(&[]).padding(64).bytes();
        match tunnel.encapsulation {
            // A UDP datagram without data is no GUE.
            Encapsulation::Gue1 => backend.passes(&frame),
            Encapsulation::Ipip | Encapsulation::Gue0 => {
                backend.drops(DecapDrop::Malformed, &frame);
            }
        }
    }
}

#[test]
fn a_udp_length_that_does_not_hold_the_inner_packet_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.encapsulation != Encapsulation::Ipip) {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let at = udp_offset(tunnel) + 4;
        let length = length_at(&frame, at);
        for wrong in [12, 27, length - 1, length + 1, u16::MAX] {
            backend.drops(DecapDrop::Malformed, &patched(&frame, at, &wrong.to_be_bytes()));
        }
        // Too short for a GUE header: it is none, and the host judges it.
        for wrong in [0_u16, 7, 8, 11] {
            backend.passes(&patched(&frame, at, &wrong.to_be_bytes()));
        }
    }
}

#[test]
fn an_outer_header_that_nobody_can_read_is_for_the_host_to_judge() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        let wrong: &[u8] = if tunnel.is_outer_v4 { &[0x55, 0x40, 0x44] } else { &[0x45, 0x55] };
        for first in wrong {
            backend.passes(&patched(&frame, IP, &[*first]));
        }
    }
}

#[test]
fn no_bytes_crash_the_program_and_no_drop_goes_uncounted() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let frame = tunnel.wrap(&tunnel.request()).bytes();
        // Every byte of the headers, with the patterns that have most and least bits.
        for offset in 12..tunnel.inner_offset() + 20 {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let frame = patched(&frame, offset, &[value]);
                let Outcome { action, .. } = backend.run(&frame);
                let counted: Vec<_> = backend.counted().into_keys().collect();
                let dropped = counted.iter().any(|name| name.starts_with("dropped"));
                assert_eq!(action == Action::Drop, dropped, "{tunnel:?} {offset} {counted:?}");
            }
        }
    }
}
