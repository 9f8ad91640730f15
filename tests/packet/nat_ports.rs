//! Ports of translated connections: who gets which, and when one is free again.

use std::{collections::HashSet, time::Duration};

use loadbalancer_common::{DropReason, Event};

use crate::{
    balancer::{Action, Balancer},
    counts::counts,
    dissect::dissect,
    frames::{ACK, FIN_ACK, RST, SYN_ACK},
    nat::translated,
    network::{TCP_V4, TCP_V6, UDP_V4, UDP_V6, WAYS, Way},
};

const FOUR_PORTS: &str = "[nat]\nports = \"40000-40003\"";

/// A balancer with one backend and four ports.
fn balancer(way: Way) -> Balancer {
    Balancer::configured([way.service("nat").backends([1])], FOUR_PORTS)
}

/// Opens flows of client 1 until all four ports are taken: the client's port and ours of each.
fn take_all(balancer: &mut Balancer, way: Way) -> Vec<(u16, u16)> {
    let mut taken = Vec::new();
    for port in 1_000..1_100 {
        let outcome = balancer.run(&way.opening(way.client(1, port)).bytes());
        if outcome.action == Action::Tx {
            taken.push((port, dissect(&outcome.frame).unwrap().source.port()));
        }
        if taken.len() == 4 {
            break;
        }
    }
    let ours: HashSet<u16> = taken.iter().map(|(_, ours)| *ours).collect();
    assert_eq!(ours, (40_000..40_004).collect(), "{way:?}");
    balancer.counters();
    taken
}

/// Asserts that another client's flow is dropped, because no port is free.
#[track_caller]
fn refuses(balancer: &mut Balancer, way: Way, client_port: u16) {
    balancer.drops(&way.opening(way.client(2, client_port)).bytes());
    let expected = counts().dropped(DropReason::NatPortsExhausted, 1);
    assert_eq!(balancer.counters(), expected, "{way:?}");
}

#[test]
fn two_clients_never_share_a_port_towards_a_backend() {
    for way in WAYS {
        let mut balancer = Balancer::with([way.service("nat").backends([1, 2, 3])]);
        let mut seen = HashSet::new();
        for client in 1..=10 {
            for port in 1_000..1_200 {
                let frame = balancer.sends(&way.opening(way.client(client, port)).bytes());
                let found = dissect(&frame).unwrap();
                assert!(
                    seen.insert((found.destination, found.source.port())),
                    "{way:?}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn a_flow_without_a_free_port_is_dropped_and_counted() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let taken = take_all(&mut balancer, way);
        refuses(&mut balancer, way, 2_000);
        // Those that have a port go on with it.
        for (client_port, ours) in taken {
            let next = way.next(way.client(1, client_port));
            assert_eq!(translated(&mut balancer, way, &next, 1), ours, "{way:?}");
        }
    }
}

#[test]
fn the_port_of_a_closed_connection_serves_another() {
    for way in [TCP_V4, TCP_V6] {
        for end in ["both", "client aborts", "backend aborts"] {
            let mut balancer = balancer(way);
            let taken = take_all(&mut balancer, way);
            let (client_port, ours) = taken[1];
            let client = way.client(1, client_port);
            match end {
                "both" => {
                    balancer.sends(&way.next(client).flags(FIN_ACK).bytes());
                    balancer.sends(&way.reply(1, ours).flags(FIN_ACK).bytes());
                }
                "client aborts" => drop(balancer.sends(&way.next(client).flags(RST).bytes())),
                _ => drop(balancer.sends(&way.reply(1, ours).flags(RST).bytes())),
            }
            balancer.counters();
            let opening = way.opening(way.client(2, 2_000));
            assert_eq!(translated(&mut balancer, way, &opening, 1), ours, "{way:?}, {end}");
            let expected = counts()
                .forwarded("web-1", &[&opening.bytes()])
                .connections("web-1", 1)
                .event(Event::NatPortReused, 1);
            assert_eq!(balancer.counters(), expected, "{way:?}, {end}");
        }
    }
}

#[test]
fn the_port_of_a_half_closed_connection_stays_taken() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        let (client_port, ours) = take_all(&mut balancer, way)[0];
        balancer.sends(&way.next(way.client(1, client_port)).flags(FIN_ACK).bytes());
        balancer.sends(&way.reply(1, ours).flags(ACK).bytes());
        balancer.counters();
        refuses(&mut balancer, way, 2_000);
    }
}

#[test]
fn the_port_of_a_silent_datagram_flow_is_free_after_two_minutes() {
    for way in [UDP_V4, UDP_V6] {
        let mut balancer = balancer(way);
        let taken = take_all(&mut balancer, way);
        balancer.let_pass(Duration::from_secs(118));
        refuses(&mut balancer, way, 2_000);
        // One of them speaks, a backend answers another; the rest stays silent.
        balancer.sends(&way.next(way.client(1, taken[0].0)).bytes());
        balancer.sends(&way.reply(1, taken[1].1).bytes());
        balancer.counters();
        balancer.let_pass(Duration::from_secs(3));
        let silent: HashSet<u16> = taken[2..].iter().map(|(_, ours)| *ours).collect();
        let found: HashSet<u16> = (2_000..2_002)
            .map(|port| translated(&mut balancer, way, &way.opening(way.client(2, port)), 1))
            .collect();
        assert_eq!(found, silent, "{way:?}");
        balancer.counters();
        refuses(&mut balancer, way, 2_003);
    }
}

#[test]
fn the_port_of_a_handshake_without_answer_is_free_after_a_minute() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        take_all(&mut balancer, way);
        balancer.let_pass(Duration::from_secs(58));
        refuses(&mut balancer, way, 2_000);
        balancer.let_pass(Duration::from_secs(3));
        translated(&mut balancer, way, &way.opening(way.client(2, 2_000)), 1);
    }
}

/// The backend's answer proves nothing about the client: a flood of forged SYNs gets one each.
#[test]
fn the_port_of_a_handshake_that_only_the_backend_answered_is_free_after_a_minute() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        for (_, ours) in take_all(&mut balancer, way) {
            balancer.sends(&way.reply(1, ours).flags(SYN_ACK).bytes());
        }
        balancer.let_pass(Duration::from_secs(61));
        translated(&mut balancer, way, &way.opening(way.client(2, 2_000)), 1);
    }
}

#[test]
fn the_port_of_a_silent_established_connection_stays_taken() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        for (client_port, ours) in take_all(&mut balancer, way) {
            balancer.sends(&way.reply(1, ours).flags(SYN_ACK).bytes());
            balancer.sends(&way.next(way.client(1, client_port)).bytes());
        }
        balancer.counters();
        balancer.let_pass(Duration::from_secs(121));
        refuses(&mut balancer, way, 2_000);
    }
}

/// A client that uses its port again may have moved to another backend: what it left behind is
/// free to take, its live connection is not to be forgotten for it.
#[test]
fn taking_over_a_port_leaves_its_former_owner_s_new_connection_alone() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        let (client_port, ours) = take_all(&mut balancer, way)[0];
        let client = way.client(1, client_port);
        balancer.sends(&way.reply(1, ours).flags(RST).bytes());
        balancer.change(|world| {
            world.services =
                vec![way.service("nat").backend(1, "state = \"draining\"").backend(2, "")];
        });
        translated(&mut balancer, way, &way.opening(client), 2);
        balancer.change(|world| {
            world.services =
                vec![way.service("nat").backend(1, "").backend(2, "state = \"draining\"")];
        });
        assert_eq!(translated(&mut balancer, way, &way.opening(way.client(2, 2_000)), 1), ours);
        balancer.counters();

        let next = way.next(client);
        translated(&mut balancer, way, &next, 2);
        let expected = counts().forwarded("web-2", &[&next.bytes()]);
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}
