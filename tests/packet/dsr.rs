//! Forward mode `dsr`: new MACs, and not a bit more.

use crate::{
    balancer::Balancer,
    counts::counts,
    dissect::dissect,
    frames::{ACK, DATA, FIN_ACK, PSH_ACK, Packet},
    network::{OWN_MAC, WAYS, backend_mac},
};

#[test]
fn only_link_layer_addresses_change() {
    for way in WAYS {
        let mut balancer = Balancer::with([way.service("dsr").backends([1])]);
        let client = way.client(7, 40_000);
        let opening = way.opening(client).hop_limit(3);
        let mut packets = vec![opening.clone(), way.next(client)];
        if way.is_tcp() {
            packets.push(opening.clone().flags(ACK).data(DATA));
            packets.push(opening.clone().flags(PSH_ACK).data(DATA));
            packets.push(opening.flags(FIN_ACK));
        }
        let frames: Vec<Vec<u8>> = packets.iter().map(Packet::bytes).collect();
        for (packet, frame) in packets.into_iter().zip(&frames) {
            let expected = packet.macs(backend_mac(1), OWN_MAC).bytes();
            assert_eq!(balancer.sends(frame), expected, "{way:?}");
            assert!(dissect(&expected).unwrap().is_intact(), "{way:?}");
        }
        let all: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let queries = if way.is_tcp() { 1 } else { 2 };
        let expected = counts().forwarded("web-1", &all).connections("web-1", 1);
        assert_eq!(balancer.counters(), expected.queries("web-1", queries), "{way:?}");
    }
}

#[test]
fn wrong_checksums_are_left_for_the_backend_to_judge() {
    for way in WAYS {
        let mut balancer = Balancer::with([way.service("dsr").backends([1])]);
        let packet = way.opening(way.client(7, 40_000)).data(DATA);
        let mut frame = packet.bytes();
        let mut expected = packet.macs(backend_mac(1), OWN_MAC).bytes();
        for bytes in [&mut frame, &mut expected] {
            *bytes.last_mut().unwrap() ^= 0xff;
        }
        assert_eq!(balancer.sends(&frame), expected, "{way:?}");
    }
}
