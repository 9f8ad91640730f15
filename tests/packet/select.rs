//! Which backend serves a flow, and which flows keep theirs when backends change.

use std::{collections::BTreeMap, net::SocketAddr};

use loadbalancer_common::{DropReason, Event};

use crate::{
    balancer::Balancer,
    counts::counts,
    dissect::dissect,
    frames::{Packet, SYN},
    network::{Service, TCP_V4, TCP_V6, UDP_V4, UDP_V6, WAYS, Way},
};

/// The number of the backend that a frame goes to.
#[track_caller]
fn backend_of(frame: &[u8]) -> u8 {
    dissect(frame).unwrap().destination_mac[5]
}

#[track_caller]
fn serves(balancer: &mut Balancer, packet: &Packet) -> u8 {
    backend_of(&balancer.sends(&packet.bytes()))
}

/// A service with three backends, `number` of them with `settings`.
fn three(way: Way, forward: &'static str, number: u8, settings: &str) -> Service {
    (1..=3).fold(way.service(forward), |service, one| {
        service.backend(one, if one == number { settings } else { "" })
    })
}

/// How far a flow has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its first packet came.
    Opening,
    /// A second one came.
    Established,
}

/// What happens to the flow's backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Draining,
    WithoutWeight,
    Unhealthy,
    Disabled,
    Removed,
    /// Another backend appears.
    Joined,
}

impl Change {
    fn apply(self, balancer: &mut Balancer, way: Way, forward: &'static str, number: u8) {
        balancer.change(|world| {
            world.unhealthy.clear();
            let service = match self {
                Self::Draining => three(way, forward, number, "state = \"draining\""),
                Self::WithoutWeight => three(way, forward, number, "weight = 0"),
                Self::Disabled => three(way, forward, number, "state = \"disabled\""),
                Self::Removed => {
                    way.service(forward).backends((1..=3).filter(|one| *one != number))
                }
                Self::Joined => way.service(forward).backends(1..=4),
                Self::Unhealthy => {
                    world.unhealthy.insert(format!("web-{number}"));
                    three(way, forward, 0, "")
                }
            };
            world.services = vec![service];
        });
    }
}

/// Opens a flow, changes its backend, and asserts whether the flow stays; `next` makes the packet
/// that comes afterwards.
fn flow_stays(
    balancer: &mut Balancer,
    way: Way,
    forward: &'static str,
    (client, stage, change): (SocketAddr, Stage, Change),
    next: &Packet,
    stays: bool,
) {
    let what = format!("{way:?}, {forward}, {stage:?}, {change:?}");
    balancer.change(|world| {
        world.unhealthy.clear();
        world.services = vec![three(way, forward, 0, "")];
    });
    let before = serves(balancer, &way.opening(client));
    if stage == Stage::Established {
        assert_eq!(serves(balancer, &way.next(client)), before, "{what}");
    }
    balancer.counters();
    change.apply(balancer, way, forward, before);
    let frame = next.bytes();
    let after = backend_of(&balancer.sends(&frame));
    assert_eq!(after == before, stays, "{what}: from {before} to {after}");
    let name = format!("web-{after}");
    let expected = counts()
        .forwarded(&name, &[&frame])
        .connections(&name, u64::from(!stays))
        .queries(&name, u64::from(!way.is_tcp()))
        .event(Event::ConnectionMoved, u64::from(!stays));
    assert_eq!(balancer.counters(), expected, "{what}");
}

#[test]
fn established_tcp_connections_stay_while_their_backend_exists() {
    for way in [TCP_V4, TCP_V6] {
        for forward in ["nat", "dsr"] {
            let mut balancer = Balancer::with([three(way, forward, 0, "")]);
            let cases = [
                (Change::Draining, true),
                (Change::WithoutWeight, true),
                (Change::Unhealthy, true),
                (Change::Joined, true),
                (Change::Disabled, false),
                (Change::Removed, false),
            ];
            for (port, (change, stays)) in (1_000..).zip(cases) {
                let client = way.client(7, port);
                let case = (client, Stage::Established, change);
                flow_stays(&mut balancer, way, forward, case, &way.next(client), stays);
            }
        }
    }
}

#[test]
fn handshakes_go_to_a_backend_that_takes_new_flows() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = Balancer::with([three(way, "nat", 0, "")]);
        let cases = [
            (Change::Joined, true),
            (Change::Draining, false),
            (Change::WithoutWeight, false),
            (Change::Unhealthy, false),
            (Change::Disabled, false),
            (Change::Removed, false),
        ];
        for (port, (change, stays)) in (2_000..).zip(cases) {
            let client = way.client(7, port);
            let case = (client, Stage::Opening, change);
            flow_stays(&mut balancer, way, "nat", case, &way.opening(client), stays);
        }
    }
}

#[test]
fn a_syn_of_a_live_connection_stays_while_its_backend_answers() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = Balancer::with([three(way, "nat", 0, "")]);
        let cases = [
            (Change::Draining, true),
            (Change::WithoutWeight, true),
            (Change::Joined, true),
            (Change::Unhealthy, false),
            (Change::Disabled, false),
            (Change::Removed, false),
        ];
        for (port, (change, stays)) in (3_000..).zip(cases) {
            let client = way.client(7, port);
            let case = (client, Stage::Established, change);
            flow_stays(&mut balancer, way, "nat", case, &way.opening(client), stays);
        }
    }
}

#[test]
fn datagram_flows_stay_while_their_backend_answers() {
    for way in [UDP_V4, UDP_V6] {
        for forward in ["nat", "dsr"] {
            let mut balancer = Balancer::with([three(way, forward, 0, "")]);
            let cases = [
                (Change::Draining, true),
                (Change::WithoutWeight, true),
                (Change::Joined, true),
                (Change::Unhealthy, false),
                (Change::Disabled, false),
                (Change::Removed, false),
            ];
            for (port, (change, stays)) in (4_000..).zip(cases) {
                let client = way.client(7, port);
                let case = (client, Stage::Established, change);
                flow_stays(&mut balancer, way, forward, case, &way.next(client), stays);
            }
        }
    }
}

#[test]
fn without_a_backend_that_takes_flows_new_ones_are_dropped() {
    for way in WAYS {
        let mut balancer = Balancer::with([way.service("nat")]);
        let frame = way.opening(way.client(7, 40_000)).bytes();
        let no_backend = counts().dropped(DropReason::NoBackend, 1);
        balancer.drops(&frame);
        assert_eq!(balancer.counters(), no_backend, "{way:?}: no backend");
        for settings in ["weight = 0", "state = \"draining\"", "state = \"disabled\""] {
            balancer.change(|world| {
                world.services = vec![way.service("nat").backend(1, settings)];
            });
            balancer.drops(&frame);
            assert_eq!(balancer.counters(), no_backend, "{way:?}: {settings}");
        }
        balancer.change(|world| {
            world.services = vec![way.service("nat").backends([1])];
            world.unhealthy.insert("web-1".to_owned());
        });
        balancer.drops(&frame);
        assert_eq!(balancer.counters(), no_backend, "{way:?}: unhealthy");
        balancer.change(|world| world.unhealthy.clear());
        assert_eq!(serves(&mut balancer, &way.opening(way.client(7, 40_000))), 1, "{way:?}");
    }
}

#[test]
fn a_backend_without_a_known_next_hop_is_not_chosen_and_its_flows_are_dropped() {
    for way in WAYS {
        let mut balancer = Balancer::with([way.service("nat").backends([1, 2])]);
        let clients = (1_000..1_100).map(|port| way.client(7, port));
        let first =
            clients.clone().find(|client| serves(&mut balancer, &way.opening(*client)) == 1);
        let first = first.expect("one of the flows goes to backend 1");
        serves(&mut balancer, &way.next(first));
        balancer.counters();
        balancer.change(|world| {
            world.next_hops.remove(&way.backend(1).ip()).expect("it was known");
        });
        // The established flow waits for the neighbour to be found again.
        balancer.drops(&way.next(first).bytes());
        let expected = counts().dropped(DropReason::NeighbourUnresolved, 1);
        assert_eq!(balancer.counters(), expected, "{way:?}");
        for port in 2_000..2_100 {
            assert_eq!(serves(&mut balancer, &way.opening(way.client(7, port))), 2, "{way:?}");
        }
    }
}

#[test]
fn flows_spread_by_weight() {
    const FLOWS: u16 = 4_000;
    for way in WAYS {
        let service =
            (1..=3).zip([10, 20, 50]).fold(way.service("dsr"), |service, (one, weight)| {
                service.backend(one, &format!("weight = {weight}"))
            });
        let mut balancer = Balancer::with([service]);
        let mut flows = BTreeMap::<u8, u64>::new();
        for port in 1_000..1_000 + FLOWS {
            let client = way.client(u8::try_from(port % 100).unwrap(), port);
            *flows.entry(serves(&mut balancer, &way.opening(client))).or_default() += 1;
        }
        let counted = balancer.counters();
        for (number, share) in [(1, 1), (2, 2), (3, 5)] {
            let expected = u64::from(FLOWS) * share / 8;
            // Four standard deviations of the rarest: 4 √(4000 · 1/8 · 7/8) is 84.
            let difference = flows[&number].abs_diff(expected);
            assert!(difference < 125, "{way:?}: {flows:?}, backend {number} wants {expected}");
            let connections = counted.get(&format!("web-{number} connections"));
            assert_eq!(connections, flows[&number], "{way:?}");
        }
        assert_eq!(counted.get("dropped no_backend"), 0, "{way:?}");
    }
}

#[test]
fn the_same_flow_finds_the_same_backend_on_another_balancer() {
    for way in WAYS {
        let mut one = Balancer::with([way.service("dsr").backends([1, 2, 3])]);
        let mut other = Balancer::with([way.service("dsr").backends([3, 1, 2])]);
        for port in 1_000..1_200 {
            let packet = way.next(way.client(7, port));
            assert_eq!(serves(&mut one, &packet), serves(&mut other, &packet), "{way:?}, {port}");
        }
    }
}

#[test]
fn a_service_of_one_port_comes_before_one_of_every_port() {
    for way in WAYS {
        let mut balancer = Balancer::with([
            way.service("dsr").named("all").port(0).backends([1]),
            way.service("dsr").named("one").backends([2]),
        ]);
        let client = way.client(7, 40_000);
        let to = |port| way.opening(client).to(SocketAddr::new(way.vip().ip(), port));
        assert_eq!(serves(&mut balancer, &to(80)), 2, "{way:?}");
        for port in [1, 79, 81, 50_000, 65_535] {
            assert_eq!(serves(&mut balancer, &to(port)), 1, "{way:?}, {port}");
        }
    }
}

#[test]
fn services_of_two_protocols_on_one_port_are_apart() {
    let mut balancer = Balancer::with([
        TCP_V4.service("dsr").named("tcp").backends([1]),
        UDP_V4.service("dsr").named("udp").backends([2]),
    ]);
    let client = TCP_V4.client(7, 40_000);
    assert_eq!(serves(&mut balancer, &Packet::tcp(client, TCP_V4.vip(), SYN)), 1);
    assert_eq!(serves(&mut balancer, &Packet::udp(client, TCP_V4.vip())), 2);
}
