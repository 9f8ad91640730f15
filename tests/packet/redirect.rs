//! Backends and clients behind different interfaces.

use std::{net::SocketAddr, process::Command};

use loadbalancer_tests::run;
use nix::{
    net::if_::if_nametoindex,
    sched::{CloneFlags, unshare},
};

use crate::{
    balancer::{Action, Balancer},
    counts::counts,
    dissect::dissect,
    network::{IFINDEX, OWN_MAC, ROUTER_MAC, WAYS, backend_mac},
};

/// Link-layer address of the balancer's interface to the backends.
const INNER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// A namespace of this test's own thread, with one more interface; returns that one's index.
fn second_interface() -> u32 {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let mut add = Command::new("ip");
    add.args(["link", "add", "inner", "type", "veth", "peer", "name", "outer"]);
    run(&mut add).unwrap();
    if_nametoindex("inner").unwrap()
}

#[test]
fn a_backend_behind_another_interface_is_reached_by_redirection() {
    let inner = second_interface();
    assert_ne!(inner, IFINDEX);
    for way in WAYS {
        for forward in ["nat", "dsr"] {
            let mut balancer = Balancer::with([way.service(forward).backends([1])]);
            balancer.change(|world| {
                for hop in world.next_hops.values_mut() {
                    (hop.ifindex, hop.source_mac) = (inner, INNER_MAC);
                }
            });
            let client = way.client(7, 40_000);
            let opening = way.opening(client);
            let outcome = balancer.run(&opening.bytes());
            assert_eq!(outcome.action, Action::Redirect, "{way:?}, {forward}");
            let port = dissect(&outcome.frame).unwrap().source.port();
            let mut expected = opening.clone().macs(backend_mac(1), INNER_MAC);
            if forward == "nat" {
                expected = expected.from(SocketAddr::new(way.own(), port)).to(way.backend(1));
            }
            assert_eq!(outcome.frame, expected.bytes(), "{way:?}, {forward}");
            let counted = counts()
                .forwarded("web-1", &[&opening.bytes()])
                .connections("web-1", 1)
                .queries("web-1", u64::from(!way.is_tcp()));
            assert_eq!(balancer.counters(), counted, "{way:?}, {forward}");

            if forward == "nat" {
                balancer.receive_by(inner);
                let reply = way.reply(1, port);
                let outcome = balancer.run(&reply.bytes());
                assert_eq!(outcome.action, Action::Redirect, "{way:?}");
                let expected = reply.macs(ROUTER_MAC, OWN_MAC).from(way.vip()).to(client);
                assert_eq!(outcome.frame, expected.bytes(), "{way:?}");
                assert_eq!(balancer.counters(), counts(), "{way:?}");
            }
        }
    }
}
