//! A backend that dies leaves the table in time, takes nobody with it, and comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use loadbalancer_tests::http::{self, OpenConnection};
use loadbalancer_tests::{Backend, Config, Family, Forward, Health, Lab, Service};

use crate::expect::all_answered;

/// What the test sees later than the daemon: one look is a run of the CLI, and the next look
/// follows 20 ms after it, beside other labs on the same CPUs.
const SLACK: Duration = Duration::from_millis(300);

/// Connections that are open when a backend dies; some are on each of the backends.
const OPEN: usize = 18;

/// New connections that must all be answered once the dead backend is out.
const NEW: u64 = 300;

#[test]
fn a_killed_backend_is_out_in_time_and_the_others_connections_never_notice() -> Result<()> {
    loses_only_its_own_connections(Forward::Nat, Backend::kill, Backend::revive)
}

#[test]
fn a_frozen_backend_is_out_in_time_and_the_others_connections_never_notice() -> Result<()> {
    loses_only_its_own_connections(Forward::Nat, Backend::freeze, Backend::thaw)
}

#[test]
fn a_killed_dsr_backend_is_out_in_time_and_the_others_connections_never_notice() -> Result<()> {
    loses_only_its_own_connections(Forward::Dsr, Backend::kill, Backend::revive)
}

#[test]
fn a_service_whose_backends_are_all_dead_says_so_in_stats_and_recovers() -> Result<()> {
    let service = Service::web(Family::V4, Forward::Nat, 1);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    lab.backend("web-1")?.kill()?;
    lab.wait_for_state("web-1", "unhealthy", Health::HTTP.detection_limit() + SLACK)?;
    crate::expect::silence(&lab, 1, &url)?;
    let stats = lab.stats()?;
    let drops = stats.pointer("/drops/no_backend").and_then(serde_json::Value::as_u64);
    ensure!(drops > Some(0), "{stats}");
    lab.backend("web-1")?.revive()?;
    lab.wait_for_state("web-1", "healthy", Health::HTTP.return_limit() + SLACK)?;
    crate::expect::answer(&lab, 1, &url)?;
    Ok(())
}

fn loses_only_its_own_connections(
    forward: Forward,
    end: fn(&Backend) -> Result<()>,
    revive: fn(&Backend) -> Result<()>,
) -> Result<()> {
    let service = Service::web(Family::V4, forward, 3);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    let mut open = http::open_many(lab.client(1)?, &url, OPEN)?;
    open.retain(|connection| connection.backend() != "web-2");
    ensure!(!open.is_empty() && open.len() < OPEN, "{} of {OPEN} on the others", open.len());

    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let traffic = scope.spawn(|| keep_asking(&open, &stop));
        let outcome = dies_and_returns(&lab, &url, end, revive);
        stop.store(true, Ordering::Relaxed);
        let asked = traffic.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        ensure!(asked > open.len(), "only {asked} requests on {} connections", open.len());
        outcome
    })
}

/// Asks on each connection in turn until told to stop; the first failure ends it.
fn keep_asking(connections: &[OpenConnection], stop: &AtomicBool) -> Result<usize> {
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        for connection in connections {
            connection.ask()?;
            asked += 1;
        }
    }
    Ok(asked)
}

fn dies_and_returns(
    lab: &Lab,
    url: &str,
    end: fn(&Backend) -> Result<()>,
    revive: fn(&Backend) -> Result<()>,
) -> Result<()> {
    let backend = lab.backend("web-2")?;
    let died = Instant::now();
    end(backend)?;
    let limit = Health::HTTP.detection_limit() + SLACK;
    lab.wait_for_state("web-2", "unhealthy", limit.saturating_sub(died.elapsed()))?;
    let tally = http::ask_many(lab.client(1)?, url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-2") == 0, "{:?}", tally.answers);

    revive(backend)?;
    lab.wait_for_state("web-2", "healthy", Health::HTTP.return_limit() + SLACK)?;
    let tally = http::ask_many(lab.client(1)?, url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-2") > 0, "{:?}", tally.answers);
    Ok(())
}
