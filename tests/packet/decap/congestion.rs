//! Congestion marks: all 16 pairs of RFC 6040, figure 4, over every pair of families.

use loadbalancer_common::DecapDrop;

use super::{
    backend::Backend,
    tunnel::{tunnels, with_traffic_class},
};
use crate::frames::IP;

const NOT_ECT: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const CE: u8 = 0b11;

/// Inner, outer, and what comes out; `None` is a drop.
const FIGURE: [(u8, u8, Option<u8>); 16] = [
    (NOT_ECT, NOT_ECT, Some(NOT_ECT)),
    (NOT_ECT, ECT_0, Some(NOT_ECT)),
    (NOT_ECT, ECT_1, Some(NOT_ECT)),
    (NOT_ECT, CE, None),
    (ECT_0, NOT_ECT, Some(ECT_0)),
    (ECT_0, ECT_0, Some(ECT_0)),
    (ECT_0, ECT_1, Some(ECT_1)),
    (ECT_0, CE, Some(CE)),
    (ECT_1, NOT_ECT, Some(ECT_1)),
    (ECT_1, ECT_0, Some(ECT_1)),
    (ECT_1, ECT_1, Some(ECT_1)),
    (ECT_1, CE, Some(CE)),
    (CE, NOT_ECT, Some(CE)),
    (CE, ECT_0, Some(CE)),
    (CE, ECT_1, Some(CE)),
    (CE, CE, Some(CE)),
];

/// DSCPs of the inner and the outer header: the inner one stays.
const INNER_DSCP: u8 = 46 << 2;
const OUTER_DSCP: u8 = 10 << 2;

#[test]
fn marks_reach_the_inner_header_and_its_checksum_follows() {
    let mut backend = Backend::new();
    for tunnel in tunnels() {
        let inner = tunnel.request();
        let (frame, plain) = (tunnel.wrap(&inner).bytes(), inner.bytes());
        for (inner, outer, out) in FIGURE {
            let frame = with_traffic_class(&frame, IP, OUTER_DSCP | outer);
            let frame = with_traffic_class(&frame, tunnel.inner_offset(), INNER_DSCP | inner);
            match out {
                Some(out) => {
                    let expected = with_traffic_class(&plain, IP, INNER_DSCP | out);
                    backend.takes_out(&tunnel.kind(), &frame, &expected);
                }
                None => backend.drops(DecapDrop::CongestionMarked, &frame),
            }
        }
    }
}

#[test]
fn a_wrong_inner_checksum_stays_wrong() {
    let mut backend = Backend::new();
    for tunnel in tunnels().filter(|tunnel| tunnel.is_inner_v4) {
        let inner = tunnel.request();
        let frame = with_traffic_class(&tunnel.wrap(&inner).bytes(), IP, CE);
        let mut frame = with_traffic_class(&frame, tunnel.inner_offset(), ECT_0);
        let mut expected = with_traffic_class(&inner.bytes(), IP, CE);
        // The time to live, which the checksum covers.
        frame[tunnel.inner_offset() + 8] ^= 0xff;
        expected[IP + 8] ^= 0xff;
        backend.takes_out(&tunnel.kind(), &frame, &expected);
    }
}
