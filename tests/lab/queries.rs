//! `queries` is the number of requests, also when many share a connection.

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, stats};

/// Connections that `wrk` keeps open. Its last request on each may end after its own count.
const CONNECTIONS: u64 = 8;

#[test]
fn queries_are_within_one_percent_of_what_a_keep_alive_client_counts_over_nat() -> Result<()> {
    queries_match(Forward::Nat)
}

#[test]
fn queries_are_within_one_percent_of_what_a_keep_alive_client_counts_over_dsr() -> Result<()> {
    queries_match(Forward::Dsr)
}

fn queries_match(forward: Forward) -> Result<()> {
    let service = Service::web(Family::V4, forward, 3);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    let connections = CONNECTIONS.to_string();
    let wrk = ["wrk", "-t", "1", "-c", &connections, "-d", "3s", &url];
    let report = lab.client(1)?.namespace().run(&wrk)?;
    ensure!(!report.contains("errors") && !report.contains("Non-2xx"), "{report}");
    let requests = requests_in(&report)?;
    let stats = lab.stats()?;
    let web = stats::service(&stats, "web")?;
    let queries = stats::counter(web, "queries")?;
    let off = queries.abs_diff(requests);
    ensure!(100 * off <= requests, "{queries} queries, but wrk counted {requests}");
    // `wrk` tries the address with a connection of its own before it starts.
    let counted = stats::counter(web, "connections")?;
    ensure!((CONNECTIONS..=CONNECTIONS + 1).contains(&counted), "{counted} connections");
    Ok(())
}

/// The number in the line "12345 requests in 3.00s, 2.34MB read".
fn requests_in(report: &str) -> Result<u64> {
    let line = report.lines().find(|line| line.contains(" requests in "));
    let word = line.and_then(|line| line.split_whitespace().next());
    let requests = word.with_context(|| format!("wrk counted nothing: {report}"))?;
    requests.parse().with_context(|| format!("no number of requests: {report}"))
}
