//! A VIP is a host to the tools that people look for a fault with: ping and traceroute.

use anyhow::{Context, Result};
use loadbalancer_tests::{Config, ETHERNET_MTU, Family, Forward, Lab, Routed, Service, addresses};

use crate::modes::{for_both_families, in_every_mode};

/// Ways of traceroute to probe: a SYN to the service, an echo request, a datagram to no port.
const METHODS: [&[&str]; 3] = [&["--tcp", "--port=80"], &["--icmp"], &["--udp"]];

#[test]
fn a_vip_answers_ping() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            for size in ["56", "1400"] {
                let vip = addresses::vip(family, 10).to_string();
                let words = ["ping", "-n", "-c", "5", "-i", "0.05", "-W", "1", "-s", size, &vip];
                let report = lab.client(1)?.namespace().run(&words)?;
                assert!(report.contains("5 received"), "{report}");
            }
            Ok(())
        })
    })
}

#[test]
fn traceroute_ends_at_the_vip_behind_the_router() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            let vip = addresses::vip(family, 10).to_string();
            for method in METHODS {
                let mut words = vec!["traceroute", "-n", "-w", "1", "-q", "1", "-m", "5"];
                words.extend(method);
                words.push(&vip);
                let report = lab.client(1)?.namespace().run(&words)?;
                let hops: Vec<&str> = report
                    .lines()
                    .skip(1)
                    .filter_map(|line| line.split_whitespace().nth(1))
                    .collect();
                let (first, last) = (hops.first().copied(), hops.last().copied());
                let first = first.context("no hop")?;
                assert_eq!(first, addresses::router(family).to_string(), "{method:?}: {report}");
                assert_eq!(last, Some(vip.as_str()), "{method:?}: {report}");
            }
            Ok(())
        })
    })
}

/// A router before the clients, and two backends behind a VIP of each family.
fn lab(forward: Forward) -> Result<Lab> {
    let services = Family::BOTH.map(|family| {
        let name = if family == Family::V4 { "web-4" } else { "web-6" };
        Service::web(family, forward, 2).named(name)
    });
    let routed = Routed { to_clients: ETHERNET_MTU, to_backends: None };
    Lab::with(Config::new(services)).routed(routed).start()
}
