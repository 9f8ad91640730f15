//! Who may send, and to which of the host's addresses.

use std::net::{IpAddr, SocketAddr};

use loadbalancer::decap::Settings;
use loadbalancer_common::DecapDrop;

use super::{
    backend::Backend,
    tunnel::{BACKEND_V4, BACKEND_V6, BALANCERS, GUE, Tunnel, tunnels},
};
use crate::frames::Packet;

fn from(tunnel: Tunnel, packet: Packet, v4: &str, v6: &str) -> Vec<u8> {
    let source: IpAddr = if tunnel.is_outer_v4 { v4 } else { v6 }.parse().unwrap();
    packet.from(SocketAddr::new(source, 51_234)).bytes()
}

fn to(tunnel: Tunnel, packet: Packet, v4: &str, v6: &str) -> Vec<u8> {
    let destination: IpAddr = if tunnel.is_outer_v4 { v4 } else { v6 }.parse().unwrap();
    packet.to(SocketAddr::new(destination, GUE)).bytes()
}

#[test]
fn who_is_not_allowed_is_dropped() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let outer = || tunnel.wrap(&inner);
        // The last of the prefix, and those beside it.
        let last = from(tunnel, outer(), "203.0.113.143", "2001:db8:1b::ffff:ffff:ffff:ffff");
        backend.takes_out(&tunnel.kind(), &last, &inner.bytes());
        let above = from(tunnel, outer(), "203.0.113.144", "2001:db8:1b:1::");
        backend.drops(DecapDrop::SourceNotAllowed, &above);
        let below = from(tunnel, outer(), "203.0.113.127", "2001:db8:1a:ffff:ffff:ffff:ffff:ffff");
        backend.drops(DecapDrop::SourceNotAllowed, &below);
        let tagged = from(tunnel, outer().tag(7), "203.0.113.127", "2001:db8::1");
        backend.drops(DecapDrop::SourceNotAllowed, &tagged);
    }
}

#[test]
fn one_family_allows_nobody_of_the_other() {
    for (index, prefix) in BALANCERS.iter().enumerate() {
        let allow = vec![prefix.parse().unwrap()];
        let mut backend = Backend::with(&Settings { allow, ..Settings::default() });
        for tunnel in tunnels() {
            let inner = tunnel.request();
            let frame = tunnel.wrap(&inner).bytes();
            if tunnel.is_outer_v4 == (index == 0) {
                backend.takes_out(&tunnel.kind(), &frame, &inner.bytes());
            } else {
                backend.drops(DecapDrop::SourceNotAllowed, &frame);
            }
        }
    }
}

#[test]
fn tunnels_to_others_pass_untouched_whoever_sends_them() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let outer = tunnel.wrap(&tunnel.request());
        backend.passes(&to(tunnel, outer.clone(), "203.0.113.6", "2001:db8:b::6"));
        let stranger = from(tunnel, outer, "198.51.100.1", "2001:db8:c::1");
        backend.drops(DecapDrop::SourceNotAllowed, &stranger);
        let outer = tunnel.wrap(&tunnel.request());
        let [v4, v6] = ["198.51.100.1", "2001:db8:c::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let source = SocketAddr::new(if tunnel.is_outer_v4 { v4 } else { v6 }, 1);
        backend.passes(&to(tunnel, outer.from(source), "203.0.113.6", "2001:db8:b::6"));
    }
}

#[test]
fn a_change_of_the_hosts_addresses_is_followed() {
    let mut backend = Backend::new();
    let others: [IpAddr; 2] = ["203.0.113.6", "2001:db8:b::6"].map(|ip| ip.parse().unwrap());
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let old = tunnel.wrap(&inner).bytes();
        let new = to(tunnel, tunnel.wrap(&inner), "203.0.113.6", "2001:db8:b::6");
        backend.set_own_addresses(&[BACKEND_V4.into(), BACKEND_V6.into(), others[0], others[1]]);
        backend.takes_out(&tunnel.kind(), &old, &inner.bytes());
        backend.takes_out(&tunnel.kind(), &new, &inner.bytes());
        backend.set_own_addresses(&others);
        backend.passes(&old);
        backend.takes_out(&tunnel.kind(), &new, &inner.bytes());
        backend.set_own_addresses(&[]);
        backend.passes(&new);
    }
}
