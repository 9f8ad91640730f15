//! The firewall: whose packets are dropped, and under which rule they count.

use std::net::IpAddr;

use crate::{
    balancer::{Action, Balancer},
    counts::counts,
    dissect::dissect,
    frames::{Packet, SYN},
    network::{OWN_MAC, ROUTER_MAC, TCP_V6, WAYS, Way},
};

const ICMPV6: u8 = 58;

/// A dropped prefix around clients, and a passed one inside of it.
const RULES: &str = r#"
[[firewall.rule]]
name = "no-guests"
source = ["198.51.100.0/24", "2001:db8:c::/48"]
action = "drop"

[[firewall.rule]]
name = "guests-of-honour"
source = ["198.51.100.64/26", "2001:db8:c::ffff:40/122"]
action = "pass"
"#;

const DEFAULT_DROP: &str = r#"
[firewall]
default = "drop"

[[firewall.rule]]
name = "known"
source = ["198.51.100.7/32", "2001:db8:c::ffff:7/128"]
action = "pass"
"#;

fn balancer(way: Way, rules: &str) -> Balancer {
    Balancer::configured([way.service("nat").backends([1])], rules)
}

#[test]
fn a_prefix_is_dropped_and_counted() {
    for way in WAYS {
        let mut balancer = balancer(way, RULES);
        let frame = way.opening(way.client(7, 40_000)).bytes();
        balancer.drops(&frame);
        balancer.drops(&frame);
        let expected = counts().rule("no-guests", &[&frame, &frame]);
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}

#[test]
fn a_longer_prefix_that_passes_beats_a_shorter_one_that_drops() {
    for way in WAYS {
        let mut balancer = balancer(way, RULES);
        for (number, passes) in [(63, false), (64, true), (127, true), (128, false)] {
            let frame = way.opening(way.client(number, 40_000)).bytes();
            let action = balancer.run(&frame).action;
            assert_eq!(action, if passes { Action::Tx } else { Action::Drop }, "{way:?} {number}");
            let expected = if passes {
                counts()
                    .rule("guests-of-honour", &[&frame])
                    .forwarded("web-1", &[&frame])
                    .connections("web-1", 1)
                    .queries("web-1", u64::from(!way.is_tcp()))
            } else {
                counts().rule("no-guests", &[&frame])
            };
            assert_eq!(balancer.counters(), expected, "{way:?}, client {number}");
        }
    }
}

#[test]
fn sources_that_no_rule_names_are_neither_dropped_nor_counted() {
    for way in WAYS {
        let mut balancer = balancer(way, RULES);
        // To the host itself, from a backend.
        let frame = way.opening(way.backend(1)).to(way.client(1, 80)).bytes();
        balancer.passes(&frame);
        assert_eq!(balancer.counters(), counts(), "{way:?}");
    }
}

#[test]
fn packets_to_the_host_itself_are_filtered_too() {
    for way in WAYS {
        let mut balancer = balancer(way, RULES);
        let mut own = way.backend(1);
        own.set_ip(way.own());
        let frame = way.opening(way.client(7, 40_000)).to(own).bytes();
        balancer.drops(&frame);
        let ping = Packet::other(way.client(7, 0).ip(), own.ip(), 1, &[8; 8]).bytes();
        balancer.drops(&ping);
        assert_eq!(balancer.counters(), counts().rule("no-guests", &[&frame, &ping]), "{way:?}");
    }
}

#[test]
fn the_default_drops_what_no_rule_passes() {
    for way in WAYS {
        let mut balancer = balancer(way, DEFAULT_DROP);
        let known = way.opening(way.client(7, 40_000)).bytes();
        let unknown = way.opening(way.client(8, 40_000)).bytes();
        balancer.sends(&known);
        balancer.drops(&unknown);
        let expected = counts()
            .rule("known", &[&known])
            .rule("default", &[&unknown])
            .forwarded("web-1", &[&known])
            .connections("web-1", 1)
            .queries("web-1", u64::from(!way.is_tcp()));
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}

#[test]
fn replies_of_backends_are_not_filtered() {
    for way in WAYS {
        let mut balancer = balancer(way, DEFAULT_DROP);
        let client = way.client(7, 40_000);
        let frame = balancer.sends(&way.opening(client).bytes());
        let port = dissect(&frame).unwrap().source.port();
        balancer.counters();
        let reply = way.reply(1, port);
        let expected = reply.clone().macs(ROUTER_MAC, OWN_MAC).from(way.vip()).to(client);
        assert_eq!(balancer.sends(&reply.bytes()), expected.bytes(), "{way:?}");
        assert_eq!(balancer.counters(), counts(), "{way:?}");
        // Whatever else a backend sends is.
        let other = way.reply(2, port).bytes();
        balancer.drops(&other);
        assert_eq!(balancer.counters(), counts().rule("default", &[&other]), "{way:?}");
    }
}

/// RFC 4861: a message of neighbour discovery has hop limit 255, for no router let it through.
#[test]
fn neighbour_discovery_of_this_link_is_never_dropped() {
    let mut balancer = balancer(TCP_V6, DEFAULT_DROP);
    let link_local: IpAddr = "fe80::1".parse().unwrap();
    let own = TCP_V6.own();
    for message in 133..=137 {
        let packet = Packet::other(link_local, own, ICMPV6, &[message, 0, 0, 0, 0, 0, 0, 0]);
        balancer.passes(&packet.clone().hop_limit(255).bytes());
        assert_eq!(balancer.counters(), counts(), "type {message}");
        let forged = packet.hop_limit(64).bytes();
        balancer.drops(&forged);
        assert_eq!(balancer.counters(), counts().rule("default", &[&forged]), "type {message}");
    }
    for other in [128, 132, 138] {
        let packet = Packet::other(link_local, own, ICMPV6, &[other, 0, 0, 0, 0, 0, 0, 0]);
        let frame = packet.hop_limit(255).bytes();
        balancer.drops(&frame);
        assert_eq!(balancer.counters(), counts().rule("default", &[&frame]), "type {other}");
    }
    // The type alone does not do: a segment whose source port begins with the same byte.
    let segment = Packet::tcp((link_local, 0x8700).into(), TCP_V6.vip(), SYN).hop_limit(255);
    balancer.drops(&segment.bytes());
}

#[test]
fn rules_come_and_go_without_a_new_balancer() {
    for way in WAYS {
        let mut balancer = balancer(way, "");
        assert!(!balancer.features().firewall);
        let frame = way.opening(way.client(7, 40_000)).bytes();
        balancer.sends(&frame);
        balancer.counters();
        balancer.change(|world| world.settings = RULES.to_owned());
        balancer.drops(&frame);
        assert_eq!(balancer.counters(), counts().rule("no-guests", &[&frame]), "{way:?}");
        balancer.change(|world| world.settings = String::new());
        balancer.sends(&frame);
        let expected =
            counts().forwarded("web-1", &[&frame]).queries("web-1", u64::from(!way.is_tcp()));
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}
