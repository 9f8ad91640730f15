//! What the verifier has to read: it grows with every branch, and the kernel stops at a million.

use loadbalancer::engine::Features;

use crate::{
    balancer::Balancer,
    network::{TCP_V4, TCP_V6},
};

/// A quarter of what the kernel reads at most, so that a change that doubles it is seen in time.
const MOST_INSTRUCTIONS: u32 = 250_000;
/// Bytes of the program as the kernel keeps it.
const MOST_BYTES: u32 = 64 * 1024;

#[test]
fn every_combination_of_features_loads_within_bounds() {
    let balancer = Balancer::configured(
        [TCP_V4, TCP_V6].map(|way| {
            let name = if way.is_ipv4() { "web4" } else { "web6" };
            way.service("nat").named(name).backends([1])
        }),
        "[firewall]\ndefault = \"drop\"",
    );
    let all = balancer.features();
    assert!(all.firewall && all.nat_port_count > 0, "{all:?}");
    let quic = Features { quic: true, ..all };
    let no_nat = Features { nat_port_first: 0, nat_port_count: 0, ..all };
    let cases = [
        ("nothing", Features::default()),
        ("firewall", no_nat),
        ("nat", Features { firewall: false, ..all }),
        ("firewall and nat", all),
        ("quic", Features { quic: true, ..Features::default() }),
        ("all", quic),
    ];
    let mut smallest = u32::MAX;
    let mut largest = 0;
    for (what, features) in cases {
        let mut program = balancer.load(features);
        let info = program.xdp().unwrap().info().unwrap();
        let instructions = info.verified_instruction_count().unwrap();
        let bytes = info.size_translated().unwrap();
        println!("{what}: {instructions} instructions verified, {bytes} bytes translated");
        assert!(instructions < MOST_INSTRUCTIONS, "{what}: {instructions} instructions");
        assert!(bytes < MOST_BYTES, "{what}: {bytes} bytes");
        smallest = smallest.min(bytes);
        largest = largest.max(bytes);
    }
    assert!(smallest < largest, "what is switched off is still there: {largest} bytes");
}
