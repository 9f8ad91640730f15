//! The host's own connections keep off the ports of translated ones.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Backend, Config, Family, Forward, Lab, Service, wait_until};

/// Ports of translated connections unless the configuration says others.
const TRANSLATION: std::ops::RangeInclusive<u16> = 40_000..=59_999;

/// Nineteen in twenty of the host's ports are the translation's.
const HOST_PORTS: &str = "40000 60999";

#[test]
fn no_check_of_a_starting_daemon_comes_from_a_port_of_the_translation() -> Result<()> {
    let lab = Lab::with(Config::new([Service::web(Family::V4, Forward::Nat, 3)])).start()?;
    lab.daemon().stop()?;
    lab.detach()?;
    let balancer = lab.network().balancer();
    balancer.namespace().set_kernel(&[("net/ipv4/ip_local_port_range", HOST_PORTS)])?;
    let before: usize = checked_from(&lab)?.len();
    lab.daemon().start()?;
    // Both kinds of checks: those of the start, and at least one round that followed it.
    wait_until(Duration::from_secs(10), "two rounds of checks", || {
        let checks = checked_from(&lab)?.len() - before;
        ensure!(checks >= 6, "{checks} checks have ended");
        Ok(())
    })?;
    let ports = checked_from(&lab)?;
    ensure!(!ports.iter().any(|port| TRANSLATION.contains(port)), "checks came from {ports:?}");
    Ok(())
}

/// Ports that ended connections of the balancer's own came from, as the backends remember them.
fn checked_from(lab: &Lab) -> Result<Vec<u16>> {
    let balancer = lab.network().balancer().address(Family::V4);
    let mut ports = Vec::new();
    for backend in lab.network().backends() {
        let peers = ended_connections(backend)?.into_iter().filter(|peer| peer.ip() == balancer);
        ports.extend(peers.map(|peer| peer.port()));
    }
    Ok(ports)
}

/// The other ends of a backend's connections in TIME-WAIT.
fn ended_connections(backend: &Backend) -> Result<Vec<SocketAddr>> {
    let words = ["ss", "--no-header", "--numeric", "--tcp", "--ipv4", "state", "time-wait"];
    let listed = backend.host().namespace().run(&words)?;
    let peer = |line: &str| {
        let word = line.split_whitespace().nth(3).with_context(|| format!("no peer in {line}"))?;
        word.parse().with_context(|| format!("no address: {word}"))
    };
    listed.lines().map(peer).collect()
}
