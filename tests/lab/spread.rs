//! New connections and queries reach equal backends in equal shares, and none is lost.

use anyhow::Result;
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, dns, http};

use crate::expect::{all_answered, by_backend, even_thirds};

/// Connections of one test.
const CONNECTIONS: u64 = 10_000;

/// DNS queries of one test, each from a source port of its own.
const QUERIES: u64 = 3_000;

/// Clients that ask at the same time.
const THREADS: u64 = 4;

#[test]
fn ten_thousand_nat_connections_over_ipv4_are_answered_in_thirds() -> Result<()> {
    web_answers_in_thirds(Family::V4, Forward::Nat)
}

#[test]
fn ten_thousand_nat_connections_over_ipv6_are_answered_in_thirds() -> Result<()> {
    web_answers_in_thirds(Family::V6, Forward::Nat)
}

#[test]
fn ten_thousand_dsr_connections_over_ipv4_are_answered_in_thirds() -> Result<()> {
    web_answers_in_thirds(Family::V4, Forward::Dsr)
}

#[test]
fn ten_thousand_dsr_connections_over_ipv6_are_answered_in_thirds() -> Result<()> {
    web_answers_in_thirds(Family::V6, Forward::Dsr)
}

#[test]
fn dns_queries_through_nat_over_ipv4_are_answered_in_thirds() -> Result<()> {
    dns_answers_in_thirds(Family::V4, Forward::Nat)
}

#[test]
fn dns_queries_through_nat_over_ipv6_are_answered_in_thirds() -> Result<()> {
    dns_answers_in_thirds(Family::V6, Forward::Nat)
}

#[test]
fn dns_queries_through_dsr_over_ipv4_are_answered_in_thirds() -> Result<()> {
    dns_answers_in_thirds(Family::V4, Forward::Dsr)
}

#[test]
fn dns_queries_through_dsr_over_ipv6_are_answered_in_thirds() -> Result<()> {
    dns_answers_in_thirds(Family::V6, Forward::Dsr)
}

fn web_answers_in_thirds(family: Family, forward: Forward) -> Result<()> {
    let service = Service::web(family, forward, 3);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    let tally = http::ask_many(lab.client(1)?, &url, THREADS, CONNECTIONS)?;
    all_answered(&tally, CONNECTIONS)?;
    even_thirds(&tally.answers)?;
    let counted = by_backend(&lab.stats()?, "web", "connections")?;
    assert_eq!(counted, tally.answers, "`stats` against what the answers say");
    Ok(())
}

fn dns_answers_in_thirds(family: Family, forward: Forward) -> Result<()> {
    let service = Service::dns(family, forward, 3);
    let vip = service.address.ip();
    let lab = Lab::with(Config::new([service])).start()?;
    let tally = dns::ask_many(&lab, vip, QUERIES)?;
    all_answered(&tally, QUERIES)?;
    even_thirds(&tally.answers)?;
    let counted = by_backend(&lab.stats()?, "dns", "queries")?;
    assert_eq!(counted, tally.answers, "`stats` against what the answers say");
    Ok(())
}
