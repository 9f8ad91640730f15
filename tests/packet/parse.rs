//! What is read from a frame, and what is not ours.

use loadbalancer_common::DropReason;

use crate::{
    balancer::{Action, Balancer, SHORTEST},
    counts::counts,
    frames::{
        ACK, DATA, Extension, IP, IPV4_TRANSPORT, IPV6_TRANSPORT, PSH_ACK, Packet, SYN, patched,
    },
    network::{
        OTHER_ROUTER_MAC, OWN_MAC, ROUTER_MAC, TCP_V4, TCP_V6, UDP_V4, UDP_V6, WAYS, backend_mac,
    },
};

/// A balancer with a DSR service for each family and protocol, one backend each.
fn balancer() -> Balancer {
    let names = ["tcp4", "udp4", "tcp6", "udp6"];
    Balancer::with(
        WAYS.into_iter().zip(names).map(|(way, name)| way.service("dsr").named(name).backends([1])),
    )
}

/// Runs a frame that goes to backend 1 of `service`: with new MACs, all else as it is.
#[track_caller]
fn goes_on(balancer: &mut Balancer, service: &str, frame: &Packet) {
    let bytes = frame.bytes();
    assert_eq!(balancer.sends(&bytes), frame.clone().macs(backend_mac(1), OWN_MAC).bytes());
    let name = format!("{service}-1");
    let expected = counts().forwarded(&name, &[&bytes]).connections(&name, 1);
    let queries = u64::from(service.starts_with("udp"));
    assert_eq!(balancer.counters(), expected.queries(&name, queries));
}

#[test]
fn contradictory_lengths_and_versions_are_dropped_and_counted() {
    let mut balancer = balancer();
    let client = |way: crate::network::Way| way.client(7, 40_000);
    let tcp4 = TCP_V4.opening(client(TCP_V4)).bytes();
    let udp4 = UDP_V4.opening(client(UDP_V4)).bytes();
    let tcp6 = TCP_V6.opening(client(TCP_V6)).bytes();
    let udp6 = UDP_V6.opening(client(UDP_V6)).bytes();
    let long = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let cases: [(&str, &[u8], usize, &[u8]); 20] = [
        ("IPv4: header of 16 bytes", &tcp4, IP, &[0x44]),
        ("IPv4: header of 0 bytes", &tcp4, IP, &[0x40]),
        ("IPv4: header beyond the packet", &tcp4, IP, &[0x4f]),
        ("IPv4: version 5", &tcp4, IP, &[0x55]),
        ("IPv4: version 6", &tcp4, IP, &[0x65]),
        ("IPv4: total length beyond the frame", &tcp4, IP + 2, &long(41)),
        ("IPv4: total length below the header", &tcp4, IP + 2, &long(19)),
        ("IPv4: total length 0", &tcp4, IP + 2, &long(0)),
        ("IPv4: total length within the TCP header", &tcp4, IP + 2, &long(39)),
        ("IPv4: total length within the UDP header", &udp4, IP + 2, &long(27)),
        ("TCP: header of 16 bytes", &tcp4, IPV4_TRANSPORT + 12, &[0x40]),
        ("TCP: header beyond the packet", &tcp4, IPV4_TRANSPORT + 12, &[0x60]),
        ("UDP: length 7", &udp4, IPV4_TRANSPORT + 4, &long(7)),
        ("UDP: length beyond the packet", &udp4, IPV4_TRANSPORT + 4, &long(9 + DATA.len())),
        ("IPv6: version 4", &tcp6, IP, &[0x40]),
        ("IPv6: payload beyond the frame", &tcp6, IP + 4, &long(21)),
        ("IPv6: payload within the TCP header", &tcp6, IP + 4, &long(19)),
        ("IPv6: TCP header of 16 bytes", &tcp6, IPV6_TRANSPORT + 12, &[0x40]),
        ("IPv6: UDP length 7", &udp6, IPV6_TRANSPORT + 4, &long(7)),
        ("IPv6: UDP length beyond", &udp6, IPV6_TRANSPORT + 4, &long(9 + DATA.len())),
    ];
    for (what, frame, offset, bytes) in cases {
        assert_eq!(balancer.run(&patched(frame, offset, bytes)).action, Action::Drop, "{what}");
        assert_eq!(balancer.counters(), counts().dropped(DropReason::Malformed, 1), "{what}");
    }
}

#[test]
fn extension_headers_beyond_the_packet_are_dropped() {
    let mut balancer = balancer();
    let client = TCP_V6.client(7, 40_000);
    let frame = TCP_V6.opening(client).extension(Extension::DestinationOptions(0)).bytes();
    for length in [4_u8, 200, 255] {
        balancer.drops(&patched(&frame, IPV6_TRANSPORT + 1, &[length]));
    }
    assert_eq!(balancer.counters(), counts().dropped(DropReason::Malformed, 3));
}

#[test]
fn frames_cut_anywhere_are_dropped_or_passed_and_never_sent() {
    let mut balancer = balancer();
    for way in WAYS {
        let packet = way.opening(way.client(7, 40_000)).tag(5).service_tag(6);
        let packet = if way.is_ipv4() {
            packet.ipv4_options(&[1; 8])
        } else {
            packet.extension(Extension::HopByHop).extension(Extension::Authentication)
        };
        let frame = packet.bytes();
        // Where the IP header begins, nothing says yet that this is IP.
        let ip = SHORTEST + 8;
        for length in SHORTEST..frame.len() {
            let cut = &frame[..length];
            if length < ip {
                balancer.passes(cut);
                assert_eq!(balancer.counters(), counts(), "{way:?}, {length} bytes");
            } else {
                balancer.drops(cut);
                let expected = counts().dropped(DropReason::Malformed, 1);
                assert_eq!(balancer.counters(), expected, "{way:?}, {length} bytes");
            }
        }
        balancer.sends(&frame);
        balancer.counters();
    }
}

#[test]
fn frames_that_are_not_ip_pass() {
    let mut balancer = balancer();
    let frame = TCP_V4.opening(TCP_V4.client(7, 40_000)).bytes();
    for ether_type in [[0x08, 0x06], [0x88, 0xcc], [0x00, 0x2e], [0xff, 0xff]] {
        balancer.passes(&patched(&frame, 12, &ether_type));
    }
    balancer.passes(&frame[..SHORTEST - 2].iter().copied().chain([0x08, 0x06]).collect::<Vec<_>>());
    assert_eq!(balancer.counters(), counts());
}

#[test]
fn packets_to_other_addresses_ports_and_protocols_pass() {
    let mut balancer = balancer();
    for way in WAYS {
        let client = way.client(7, 40_000);
        let mut other_port = way.vip();
        other_port.set_port(81);
        balancer.passes(&way.opening(client).to(other_port).bytes());
        balancer.passes(&way.opening(client).to(way.backend(1)).bytes());
        let vip = way.vip().ip();
        for protocol in [1, 47, 50, 58, 132] {
            balancer.passes(&Packet::other(client.ip(), vip, protocol, &[8; 24]).bytes());
        }
    }
    assert_eq!(balancer.counters(), counts());
}

#[test]
fn frames_to_another_link_layer_address_pass() {
    let mut balancer = balancer();
    for way in WAYS {
        let packet = way.opening(way.client(7, 40_000));
        for destination in [OTHER_ROUTER_MAC, [0xff; 6], [1, 0, 0x5e, 0, 0, 1], [2, 0, 0, 0, 0, 0]]
        {
            balancer.passes(&packet.clone().macs(destination, ROUTER_MAC).bytes());
        }
        // Malformed, but not ours to judge.
        let frame = packet.macs(OTHER_ROUTER_MAC, ROUTER_MAC).bytes();
        balancer.passes(&frame[..frame.len() - 1]);
    }
    assert_eq!(balancer.counters(), counts());
}

#[test]
fn fragments_pass() {
    let mut balancer = balancer();
    for way in [TCP_V4, UDP_V4] {
        let packet = way.opening(way.client(7, 40_000));
        for (offset, more) in [(0, true), (1, true), (185, false)] {
            balancer.passes(&packet.clone().ipv4_fragment(offset, more).bytes());
        }
    }
    for way in [TCP_V6, UDP_V6] {
        let packet = way.opening(way.client(7, 40_000));
        for (offset, more) in [(0, true), (1, true), (185, false), (0, false)] {
            balancer.passes(&packet.clone().extension(Extension::Fragment(offset, more)).bytes());
        }
    }
    assert_eq!(balancer.counters(), counts());
}

#[test]
fn vlan_tags_are_kept() {
    let mut balancer = balancer();
    for (way, service) in WAYS.into_iter().zip(["tcp4", "udp4", "tcp6", "udp6"]) {
        let packet = |port| way.opening(way.client(7, port));
        goes_on(&mut balancer, service, &packet(1).tag(5));
        goes_on(&mut balancer, service, &packet(2).service_tag(6));
        goes_on(&mut balancer, service, &packet(3).service_tag(6).tag(5));
        goes_on(&mut balancer, service, &packet(4).tag(4_095).tag(0));
        balancer.passes(&packet(5).tag(1).tag(2).tag(3).bytes());
        assert_eq!(balancer.counters(), counts());
    }
}

#[test]
fn ipv4_options_and_extension_headers_are_skipped() {
    let mut balancer = balancer();
    for (way, service) in [(TCP_V4, "tcp4"), (UDP_V4, "udp4")] {
        for length in [4, 12, 40] {
            let client = way.client(7, 40_000 + length);
            let options = vec![1; usize::from(length)];
            goes_on(&mut balancer, service, &way.opening(client).ipv4_options(&options));
        }
    }
    let chains: [&[Extension]; 6] = [
        &[Extension::HopByHop],
        &[Extension::Routing],
        &[Extension::DestinationOptions(0)],
        &[Extension::Authentication],
        &[Extension::HopByHop, Extension::Routing, Extension::DestinationOptions(128)],
        &[
            Extension::HopByHop,
            Extension::DestinationOptions(0),
            Extension::Routing,
            Extension::Authentication,
            Extension::DestinationOptions(8),
            Extension::DestinationOptions(0),
        ],
    ];
    for (way, service) in [(TCP_V6, "tcp6"), (UDP_V6, "udp6")] {
        for (port, chain) in (40_000..).zip(chains) {
            let packet = way.opening(way.client(7, port));
            let packet = chain.iter().fold(packet, |packet, one| packet.extension(*one));
            goes_on(&mut balancer, service, &packet);
        }
    }
}

#[test]
fn a_packet_with_more_than_six_extension_headers_passes() {
    let mut balancer = balancer();
    for way in [TCP_V6, UDP_V6] {
        let packet = way.opening(way.client(7, 40_000));
        let extensions = [Extension::DestinationOptions(0); 7];
        let packet = extensions.into_iter().fold(packet, Packet::extension);
        balancer.passes(&packet.bytes());
    }
    assert_eq!(balancer.counters(), counts());
}

#[test]
fn ethernet_padding_is_not_data() {
    let mut balancer = balancer();
    let client = TCP_V4.client(7, 40_000);
    goes_on(&mut balancer, "tcp4", &TCP_V4.opening(client).padding(6));
    // With PSH, padding alone would make it a query.
    let ack = TCP_V4.opening(client).flags(PSH_ACK).padding(6);
    balancer.sends(&ack.bytes());
    assert_eq!(balancer.counters(), counts().forwarded("tcp4-1", &[&ack.bytes()]));
}

#[test]
fn tcp_options_are_header_and_not_data() {
    let mut balancer = balancer();
    let client = TCP_V4.client(7, 40_000);
    goes_on(&mut balancer, "tcp4", &TCP_V4.opening(client).flags(SYN).tcp_options(&[1; 40]));
    let ack = TCP_V4.opening(client).flags(PSH_ACK).tcp_options(&[1; 12]);
    let data = TCP_V4.opening(client).flags(PSH_ACK).tcp_options(&[1; 12]).data(b"x");
    let no_push = TCP_V4.opening(client).flags(ACK).data(DATA);
    let frames = [ack.bytes(), data.bytes(), no_push.bytes()];
    for frame in &frames {
        balancer.sends(frame);
    }
    let all: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    assert_eq!(balancer.counters(), counts().forwarded("tcp4-1", &all).queries("tcp4-1", 1));
}
