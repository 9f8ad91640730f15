//! Forward mode `nat`: there and back, to the byte.

use std::net::SocketAddr;

use loadbalancer_common::DropReason;

use crate::{
    balancer::{Action, Balancer},
    counts::counts,
    dissect::dissect,
    frames::{
        ACK, DATA, Extension, FIN_ACK, IP, IPV4_TRANSPORT, IPV6_TRANSPORT, PSH_ACK, Packet, RST,
        SYN_ACK, patched,
    },
    network::{
        OTHER_ROUTER_MAC, OWN_MAC, ROUTER_MAC, TCP_V4, TCP_V6, UDP_V4, UDP_V6, WAYS, Way,
        backend_mac,
    },
};

/// Runs a client's packet, checks every byte of what leaves to `backend`, and returns our port.
#[track_caller]
pub(crate) fn translated(balancer: &mut Balancer, way: Way, packet: &Packet, backend: u8) -> u16 {
    let frame = balancer.sends(&packet.bytes());
    let port = dissect(&frame).expect("a whole packet leaves").source.port();
    let expected = packet
        .clone()
        .macs(backend_mac(backend), OWN_MAC)
        .from(SocketAddr::new(way.own(), port))
        .to(way.backend(backend));
    assert_eq!(frame, expected.bytes(), "{way:?}");
    port
}

/// Runs a backend's packet to our port, checks every byte of what leaves to the client.
#[track_caller]
fn translated_back(balancer: &mut Balancer, way: Way, reply: &Packet, client: SocketAddr) {
    let expected = reply.clone().macs(ROUTER_MAC, OWN_MAC).from(way.vip()).to(client);
    assert_eq!(balancer.sends(&reply.bytes()), expected.bytes(), "{way:?}");
}

fn balancer(way: Way) -> Balancer {
    Balancer::with([way.service("nat").backends([1])])
}

#[test]
fn a_connection_is_translated_there_and_back() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        let opening = way.opening(client);
        let port = translated(&mut balancer, way, &opening, 1);
        assert!((40_000..60_000).contains(&port), "{way:?}: port {port}");
        let reply = way.reply(1, port).data(b"odd");
        translated_back(&mut balancer, way, &reply, client);
        let next = way.next(client);
        assert_eq!(translated(&mut balancer, way, &next, 1), port, "{way:?}");
        translated_back(&mut balancer, way, &reply, client);

        let frames = [opening.bytes(), next.bytes()];
        let expected = counts()
            .forwarded("web-1", &[&frames[0], &frames[1]])
            .connections("web-1", 1)
            .queries("web-1", if way.is_tcp() { 0 } else { 2 });
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}

#[test]
fn options_extension_headers_and_vlan_tags_stay() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let with_all = |packet: Packet| {
            let packet = packet.service_tag(100).tag(7).hop_limit(9).padding(5);
            if way.is_ipv4() {
                packet.ipv4_options(&[1; 12])
            } else {
                packet.extension(Extension::HopByHop).extension(Extension::DestinationOptions(16))
            }
        };
        let client = way.client(7, 40_000);
        let port = translated(&mut balancer, way, &with_all(way.opening(client).data(DATA)), 1);
        translated_back(&mut balancer, way, &with_all(way.reply(1, port).data(DATA)), client);
    }
}

#[test]
fn tcp_data_with_push_is_a_query_and_other_segments_are_not() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        let packets = [
            way.opening(client),
            way.next(client),
            way.next(client).flags(PSH_ACK).data(DATA),
            way.next(client).flags(ACK).data(DATA),
            way.next(client).flags(PSH_ACK),
            way.next(client).flags(PSH_ACK).data(DATA),
        ];
        let frames: Vec<Vec<u8>> = packets.iter().map(Packet::bytes).collect();
        for packet in &packets {
            translated(&mut balancer, way, packet, 1);
        }
        let all: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let expected = counts().forwarded("web-1", &all).connections("web-1", 1);
        assert_eq!(balancer.counters(), expected.queries("web-1", 2), "{way:?}");
    }
}

#[test]
fn what_is_no_reply_passes() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let port = translated(&mut balancer, way, &way.opening(way.client(7, 40_000)), 1);
        balancer.counters();
        let other = if port == 50_000 { 50_001 } else { 50_000 };
        balancer.passes(&way.reply(1, other).bytes());
        balancer.passes(&way.reply(2, port).bytes());
        balancer.passes(&way.reply(1, port).to(way.client(1, port)).bytes());
        let mut backend = way.backend(1);
        backend.set_port(8_081);
        balancer.passes(&way.reply(1, port).from(backend).bytes());
        balancer.passes(&way.reply(1, 39_999).bytes());
        balancer.passes(&way.reply(1, 60_000).bytes());
        assert_eq!(balancer.counters(), counts(), "{way:?}");
    }
}

#[test]
fn a_datagram_without_checksum_stays_without() {
    let way = UDP_V4;
    let mut balancer = balancer(way);
    let client = way.client(7, 40_000);
    let port = translated(&mut balancer, way, &way.opening(client).without_checksum(), 1);
    translated_back(&mut balancer, way, &way.reply(1, port).without_checksum(), client);
}

/// RFC 8200, section 8.1 forbids such a datagram; one that gained a checksum would look valid.
#[test]
fn an_ipv6_datagram_without_checksum_gains_none() {
    let way = UDP_V6;
    let mut balancer = balancer(way);
    let packet = way.opening(way.client(7, 40_000)).without_checksum();
    translated(&mut balancer, way, &packet, 1);
}

/// Among this many payloads, every checksum comes out once, 0 among them, which UDP sends as all
/// ones (RFC 768).
#[test]
fn checksums_are_right_for_every_sum() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        for number in 0..=u16::MAX {
            let packet = way.next(client).data(&number.to_be_bytes());
            let frame = balancer.sends(&packet.bytes());
            let found = dissect(&frame).unwrap();
            assert!(found.is_intact(), "{way:?}, {number}: {found:?}");
            assert!(found.transport_error.is_some(), "{way:?}, {number}: checksum 0");
        }
    }
}

#[test]
fn a_wrong_checksum_stays_wrong() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let packet = way.next(way.client(7, 40_000)).data(DATA);
        translated(&mut balancer, way, &packet, 1);
        let transport = if way.is_ipv4() { IPV4_TRANSPORT } else { IPV6_TRANSPORT };
        let offset = transport + if way.is_tcp() { 16 } else { 6 };
        let frame = packet.bytes();
        let damaged = patched(&frame, offset, &[frame[offset] ^ 0x55]);
        let before = dissect(&damaged).unwrap().transport_error;
        let after = dissect(&balancer.sends(&damaged)).unwrap();
        assert_eq!((after.transport_error, after.network_error), (before, 0), "{way:?}");
        if way.is_ipv4() {
            let damaged = patched(&frame, IP + 10, &[frame[IP + 10] ^ 0x55]);
            let before = dissect(&damaged).unwrap().network_error;
            let after = dissect(&balancer.sends(&damaged)).unwrap();
            assert_eq!((after.transport_error, after.network_error), (Some(0), before), "{way:?}");
        }
    }
}

#[test]
fn replies_follow_a_client_to_another_router() {
    for way in WAYS {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        let port = translated(&mut balancer, way, &way.opening(client), 1);
        translated_back(&mut balancer, way, &way.reply(1, port), client);
        let moved = way.next(client).macs(OWN_MAC, OTHER_ROUTER_MAC);
        assert_eq!(translated(&mut balancer, way, &moved, 1), port, "{way:?}");
        let reply = way.reply(1, port);
        let expected = reply.clone().macs(OTHER_ROUTER_MAC, OWN_MAC).from(way.vip()).to(client);
        assert_eq!(balancer.sends(&reply.bytes()), expected.bytes(), "{way:?}");
    }
}

#[test]
fn a_syn_after_both_sides_ended_is_a_new_connection() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        let opening = way.opening(client);
        let port = translated(&mut balancer, way, &opening, 1);
        translated_back(&mut balancer, way, &way.reply(1, port).flags(SYN_ACK), client);
        translated(&mut balancer, way, &way.next(client), 1);
        assert_eq!(balancer.active_connections().get("web-1"), Some(&1), "{way:?}");
        translated(&mut balancer, way, &way.next(client).flags(FIN_ACK), 1);
        translated_back(&mut balancer, way, &way.reply(1, port).flags(FIN_ACK), client);
        // The last acknowledgement belongs to the old connection.
        translated(&mut balancer, way, &way.next(client), 1);
        assert_eq!(balancer.active_connections().get("web-1"), None, "{way:?}");
        balancer.counters();

        translated(&mut balancer, way, &opening, 1);
        let expected = counts().forwarded("web-1", &[&opening.bytes()]).connections("web-1", 1);
        assert_eq!(balancer.counters(), expected, "{way:?}");
        assert_eq!(balancer.active_connections().get("web-1"), Some(&1), "{way:?}");
    }
}

#[test]
fn a_syn_after_a_reset_of_either_side_is_a_new_connection() {
    for way in [TCP_V4, TCP_V6] {
        for by_client in [true, false] {
            let mut balancer = balancer(way);
            let client = way.client(7, 40_000);
            let port = translated(&mut balancer, way, &way.opening(client), 1);
            translated(&mut balancer, way, &way.next(client), 1);
            if by_client {
                translated(&mut balancer, way, &way.next(client).flags(RST), 1);
            } else {
                translated_back(&mut balancer, way, &way.reply(1, port).flags(RST), client);
            }
            assert_eq!(balancer.active_connections().get("web-1"), None, "{way:?}");
            balancer.counters();
            let opening = way.opening(client);
            translated(&mut balancer, way, &opening, 1);
            let expected = counts().forwarded("web-1", &[&opening.bytes()]);
            assert_eq!(balancer.counters(), expected.connections("web-1", 1), "{way:?}");
        }
    }
}

#[test]
fn a_stray_syn_does_not_open_a_live_connection_again() {
    for way in [TCP_V4, TCP_V6] {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        let port = translated(&mut balancer, way, &way.opening(client), 1);
        translated(&mut balancer, way, &way.next(client), 1);
        balancer.counters();
        let stray = way.opening(client);
        assert_eq!(translated(&mut balancer, way, &stray, 1), port, "{way:?}");
        let expected = counts().forwarded("web-1", &[&stray.bytes()]);
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}

#[test]
fn a_service_of_every_port_keeps_the_port() {
    for way in WAYS {
        let mut balancer = Balancer::with([way.service("nat").port(0).backends([1])]);
        for port in [80, 443, 50_000] {
            let client = way.client(7, 1_000 + port);
            let vip = SocketAddr::new(way.vip().ip(), port);
            let backend = SocketAddr::new(way.backend(1).ip(), port);
            let packet = way.opening(client).to(vip);
            let frame = balancer.sends(&packet.bytes());
            let own = SocketAddr::new(way.own(), dissect(&frame).unwrap().source.port());
            let expected = packet.macs(backend_mac(1), OWN_MAC).from(own).to(backend);
            assert_eq!(frame, expected.bytes(), "{way:?}");
            let reply = way.reply(1, own.port()).from(backend);
            let expected = reply.clone().macs(ROUTER_MAC, OWN_MAC).from(vip).to(client);
            assert_eq!(balancer.sends(&reply.bytes()), expected.bytes(), "{way:?}");
        }
    }
}

/// The flows that the service knew had no port of ours: nobody would have got the replies.
#[test]
fn a_flow_that_was_not_translated_gets_a_port_when_its_service_begins_to() {
    for way in [UDP_V4, UDP_V6] {
        let mut balancer = Balancer::with([way.service("dsr").port(8_080).backends([1])]);
        let client = way.client(7, 40_000);
        let vip = SocketAddr::new(way.vip().ip(), 8_080);
        let packet = way.opening(client).to(vip);
        balancer.sends(&packet.bytes());
        balancer.counters();
        balancer
            .change(|world| world.services = vec![way.service("nat").port(8_080).backends([1])]);
        let port = translated(&mut balancer, way, &packet, 1);
        assert!((40_000..60_000).contains(&port), "{way:?}: port {port}");
        let expected = counts()
            .forwarded("web-1", &[&packet.bytes()])
            .connections("web-1", 1)
            .queries("web-1", 1);
        assert_eq!(balancer.counters(), expected, "{way:?}");
    }
}

/// Only ports of the range are looked up for replies.
#[test]
fn a_flow_gets_a_port_of_the_range_that_the_configuration_names_now() {
    for way in [UDP_V4, UDP_V6] {
        let mut balancer = balancer(way);
        let client = way.client(7, 40_000);
        translated(&mut balancer, way, &way.opening(client), 1);
        balancer.change(|world| world.settings = "[nat]\nports = \"20000-20999\"".to_owned());
        let port = translated(&mut balancer, way, &way.next(client), 1);
        assert!((20_000..21_000).contains(&port), "{way:?}: port {port}");
        translated_back(&mut balancer, way, &way.reply(1, port), client);
    }
}

#[test]
fn without_an_own_address_of_the_family_nothing_is_translated() {
    let mut balancer = balancer(TCP_V4);
    balancer.change(|world| {
        for hop in world.next_hops.values_mut() {
            hop.source_address = TCP_V6.own();
        }
    });
    let outcome = balancer.run(&TCP_V4.opening(TCP_V4.client(7, 40_000)).bytes());
    assert_eq!(outcome.action, Action::Drop, "{outcome:02x?}");
    assert_eq!(balancer.counters(), counts().dropped(DropReason::NotTranslatable, 1));
}
