//! `--vip`: which inner destinations are accepted.

use std::net::SocketAddr;

use loadbalancer::decap::Settings;
use loadbalancer_common::DecapDrop;

use super::{
    backend::Backend,
    tunnel::{BALANCERS, tunnels},
};

fn restricted_to(vips: &[&str]) -> Backend {
    let allow = BALANCERS.map(|prefix| prefix.parse().unwrap()).to_vec();
    let vips = vips.iter().map(|prefix| prefix.parse().unwrap()).collect();
    Backend::with(&Settings { allow, vips, ..Settings::default() })
}

#[test]
fn only_packets_to_the_vips_are_accepted() {
    let mut backend = restricted_to(&["192.0.2.8/30", "2001:db8::10/128"]);
    for tunnel in tunnels() {
        let inner = tunnel.request();
        backend.takes_out(&tunnel.kind(), &tunnel.wrap(&inner).bytes(), &inner.bytes());
        let other = if tunnel.is_inner_v4 { "192.0.2.12" } else { "2001:db8::11" };
        let other = inner.to(SocketAddr::new(other.parse().unwrap(), 80));
        backend.drops(DecapDrop::DestinationNotAllowed, &tunnel.wrap(&other).bytes());
    }
}

#[test]
fn vips_of_one_family_accept_nothing_of_the_other() {
    let mut backend = restricted_to(&["0.0.0.0/0"]);
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let frame = tunnel.wrap(&inner).bytes();
        if tunnel.is_inner_v4 {
            backend.takes_out(&tunnel.kind(), &frame, &inner.bytes());
        } else {
            backend.drops(DecapDrop::DestinationNotAllowed, &frame);
        }
    }
}
