//! Draining: connections in progress keep their backend, new ones go elsewhere.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, http};

use crate::expect::{all_answered, by_backend};

/// Requests on a connection whose backend drains.
const ON_OPEN_CONNECTION: usize = 50;

/// New connections meanwhile.
const NEW: u64 = 300;

#[test]
fn a_draining_nat_backend_keeps_its_connections_and_gets_no_new_one() -> Result<()> {
    drains(Forward::Nat)
}

#[test]
fn a_draining_dsr_backend_keeps_its_connections_and_gets_no_new_one() -> Result<()> {
    drains(Forward::Dsr)
}

fn drains(forward: Forward) -> Result<()> {
    let service = Service::web(Family::V4, forward, 3);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    let open = http::open_many(lab.client(1)?, &url, 18)?;
    let on_web_1 = open.iter().find(|connection| connection.backend() == "web-1");
    let on_web_1 = on_web_1.context("none of 18 connections is on web-1")?;

    lab.cli(["backend", "drain", "web", "web-1"])?.success()?;
    lab.wait_for_state("web-1", "draining", Duration::from_secs(5))?;
    let before = connections_of_web_1(&lab)?;
    for _ in 0..ON_OPEN_CONNECTION {
        on_web_1.ask()?;
    }
    let tally = http::ask_many(lab.client(1)?, &url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-1") == 0, "new connections: {:?}", tally.answers);
    on_web_1.ask()?;
    assert_eq!(connections_of_web_1(&lab)?, before, "new connections of web-1 were counted");

    lab.cli(["backend", "enable", "web", "web-1"])?.success()?;
    lab.wait_for_state("web-1", "healthy", Duration::from_secs(5))?;
    on_web_1.ask()?;
    let tally = http::ask_many(lab.client(1)?, &url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-1") > 0, "new connections: {:?}", tally.answers);
    Ok(())
}

fn connections_of_web_1(lab: &Lab) -> Result<u64> {
    let counted = by_backend(&lab.stats()?, "web", "connections")?;
    counted.get("web-1").copied().context("web-1 is not in stats")
}
