//! Every kind of tunnel: the packet comes out byte for byte as if it had come without one.

use std::net::IpAddr;

use loadbalancer::decap::Settings;
use loadbalancer_common::DecapDrop;

use super::{
    backend::Backend,
    tunnel::{BACKEND_V4, BACKEND_V6, BALANCERS, Encapsulation, tunnels},
};
use crate::{
    balancer::Action,
    dissect::dissect,
    frames::{DATA, Packet},
    network::{TCP_V4, UDP_V6, WAYS},
};

/// A "no operation" four times (RFC 791).
const OPTIONS: [u8; 4] = [1; 4];

#[test]
fn every_tunnel_is_taken_off() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let expected = inner.bytes();
        assert!(dissect(&expected).unwrap().is_intact());
        backend.takes_out(&tunnel.kind(), &tunnel.wrap(&inner).bytes(), &expected);
    }
}

#[test]
fn vlan_tags_stay() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let outer = tunnel.wrap(&inner);
        let frame = outer.clone().tag(7).bytes();
        backend.takes_out(&tunnel.kind(), &frame, &inner.clone().tag(7).bytes());
        let frame = outer.service_tag(9).tag(7).bytes();
        backend.takes_out(&tunnel.kind(), &frame, &inner.service_tag(9).tag(7).bytes());
    }
}

#[test]
fn outer_ipv4_options_are_skipped() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.is_outer_v4) {
        let inner = tunnel.request();
        for length in [4, 20, 40] {
            let frame = tunnel.wrap(&inner).ipv4_options(&OPTIONS.repeat(length / 4)).bytes();
            backend.takes_out(&tunnel.kind(), &frame, &inner.bytes());
            let tagged = tunnel.wrap(&inner).ipv4_options(&OPTIONS.repeat(length / 4));
            let tagged = tagged.service_tag(9).tag(7).bytes();
            let expected = inner.clone().service_tag(9).tag(7).bytes();
            backend.takes_out(&tunnel.kind(), &tagged, &expected);
        }
    }
}

#[test]
fn inner_ipv4_options_stay() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.is_inner_v4) {
        let inner = tunnel.request().ipv4_options(&OPTIONS);
        backend.takes_out(&tunnel.kind(), &tunnel.wrap(&inner).bytes(), &inner.bytes());
    }
}

#[test]
fn any_protocol_inside_comes_out() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        for way in WAYS.into_iter().filter(|way| way.is_ipv4() == tunnel.is_inner_v4) {
            let (client, vip) = (way.client(7, 40_000), way.vip());
            let fragment = Packet::other(client.ip(), vip.ip(), 17, DATA);
            let fragment = if way.is_ipv4() { fragment.ipv4_fragment(3, true) } else { fragment };
            let echo =
                Packet::other(client.ip(), vip.ip(), if way.is_ipv4() { 1 } else { 58 }, DATA);
            for inner in [way.opening(client), fragment, echo] {
                backend.takes_out(&tunnel.kind(), &tunnel.wrap(&inner).bytes(), &inner.bytes());
            }
        }
    }
}

#[test]
fn what_ethernet_fills_up_short_frames_with_stays_behind_the_packet() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let frame = tunnel.wrap(&inner).padding(6).bytes();
        backend.takes_out(&tunnel.kind(), &frame, &inner.padding(6).bytes());
    }
}

#[test]
fn one_layer_is_removed() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        for inside in tunnels().filter(|inside| inside.is_outer_v4 == tunnel.is_inner_v4) {
            let nested = inside.wrap(&inside.request());
            backend.takes_out(&tunnel.kind(), &tunnel.wrap(&nested).bytes(), &nested.bytes());
        }
    }
}

#[test]
fn gue_without_a_udp_checksum_is_taken_off_over_both_families() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.encapsulation != Encapsulation::Ipip) {
        let inner = tunnel.request();
        let frame = tunnel.wrap(&inner).without_checksum().bytes();
        backend.takes_out(&tunnel.kind(), &frame, &inner.bytes());
    }
}

#[test]
fn another_gue_port_takes_the_place_of_the_usual_one() {
    let allow = BALANCERS.map(|prefix| prefix.parse().unwrap()).to_vec();
    let mut backend = Backend::with(&Settings { allow, gue_port: 5_555, ..Settings::default() });
    for tunnel in tunnels().filter(|tunnel| tunnel.encapsulation != Encapsulation::Ipip) {
        let inner = tunnel.request();
        let outer = tunnel.wrap(&inner);
        backend.passes(&outer.bytes());
        let address: IpAddr =
            if tunnel.is_outer_v4 { BACKEND_V4.into() } else { BACKEND_V6.into() };
        let frame = outer.to((address, 5_555).into()).bytes();
        backend.takes_out(&tunnel.kind(), &frame, &inner.bytes());
    }
}

#[test]
fn a_frame_of_many_buffers_is_taken_out_by_the_headers_in_the_first() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let inner = tunnel.request().data(&[0x5a; 8_000]);
        let outcome = backend.run_in_buffers(&tunnel.wrap(&inner).bytes(), 256);
        assert_eq!(outcome.action, Action::Pass, "{tunnel:?}: {:?}", backend.counted());
        assert!(outcome.frame == inner.bytes(), "{tunnel:?}: {} bytes", outcome.frame.len());
        let counted = backend.counted();
        let bytes = u64::try_from(inner.bytes().len()).unwrap();
        assert_eq!(counted.get(&format!("{} bytes", tunnel.kind())), Some(&bytes), "{counted:?}");
        // A packet that says more than all buffers hold.
        let mut cut = tunnel.wrap(&inner).bytes();
        cut.truncate(cut.len() - 1);
        let outcome = backend.run_in_buffers(&cut, 256);
        assert_eq!(outcome.action, Action::Drop, "{tunnel:?}");
        let reason = format!("dropped {}", DecapDrop::Malformed.name());
        assert_eq!(backend.counted().into_iter().collect::<Vec<_>>(), [(reason, 1)]);
    }
}

#[test]
fn traffic_without_a_tunnel_goes_to_the_host_untouched() {
    let mut backend = Backend::new();
    for way in [TCP_V4, UDP_V6] {
        backend.passes(&way.opening(way.client(7, 40_000)).bytes());
    }
}
