//! TLS ends at the backends: certificates, both versions of HTTP, long and short connections.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Certificate, Config, Family, Forward, LARGE_BYTES, Lab, Service, stats};
use serde_json::Value;

use crate::modes::{for_both_families, in_every_mode};

/// Requests on one connection.
const KEPT: usize = 300;

/// Connections of one request each.
const SHORT: usize = 150;

/// What curl tells of each transfer; the body goes before it.
const REPORT: &str = "%{http_code} %{http_version} %{num_connects} %header{x-backend}\\n";

#[test]
fn tls_connections_are_kept_over_both_versions_of_http() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
                let before = connections(&lab.stats()?, family)?;
                let transfers = ask(&lab, family, &[option], KEPT)?;
                let backend = transfers.first().context("no transfer")?.backend.clone();
                for (number, transfer) in transfers.iter().enumerate() {
                    let connects = if number == 0 { "1" } else { "0" };
                    let expected = Transfer::good(version, connects, &backend);
                    assert_eq!(*transfer, expected, "request {number} of {KEPT}");
                }
                let connections = connections(&lab.stats()?, family)? - before;
                assert_eq!(connections, 1, "connections that `stats` counted");
            }
            Ok(())
        })
    })
}

#[test]
fn tls_handshakes_reach_every_backend_and_are_counted() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            let options = ["--http1.1", "--header", "Connection: close"];
            let mut answers = BTreeMap::new();
            for transfer in ask(&lab, family, &options, SHORT)? {
                assert_eq!(transfer, Transfer::good("1.1", "1", &transfer.backend));
                *answers.entry(transfer.backend).or_insert(0) += 1;
            }
            let counted = crate::expect::by_backend(&lab.stats()?, name_of(family), "connections")?;
            assert_eq!(counted, answers, "`stats` against what the answers say");
            ensure!(answers.len() == 3, "not every backend answered: {answers:?}");
            Ok(())
        })
    })
}

#[test]
fn a_large_answer_over_tls_arrives_whole() -> Result<()> {
    in_every_mode(|forward| {
        let lab = lab(forward)?;
        for_both_families(|family| {
            for option in ["--http1.1", "--http2"] {
                let url = url(family, forward) + "large";
                let body = lab.client(1)?.namespace().run(&curl(&lab, &[option, &url])?)?;
                assert_eq!(body.len(), LARGE_BYTES);
                ensure!(body.bytes().all(|byte| byte == b'x'), "the body was changed");
            }
            Ok(())
        })
    })
}

#[test]
fn a_client_that_does_not_trust_the_lab_is_not_served() -> Result<()> {
    let lab = lab(Forward::Nat)?;
    let url = url(Family::V4, Forward::Nat);
    let mut curl = lab.client(1)?.namespace().command("curl");
    let refused = loadbalancer_tests::run(curl.args(["--silent", "--noproxy", "*", &url]))?;
    // curl's code for "peer certificate cannot be authenticated".
    assert_eq!(refused.code, Some(60), "{refused}");
    Ok(())
}

/// What curl says of one transfer.
#[derive(Debug, PartialEq, Eq)]
struct Transfer {
    code: String,
    version: String,
    connects: String,
    backend: String,
}

impl Transfer {
    fn good(version: &str, connects: &str, backend: &str) -> Self {
        Self::of(&format!("200 {version} {connects} {backend}"))
    }

    fn of(line: &str) -> Self {
        let mut words = line.split_whitespace().map(ToOwned::to_owned);
        let mut next = || words.next().unwrap_or_default();
        Self { code: next(), version: next(), connects: next(), backend: next() }
    }
}

/// Sends `count` requests with one run of curl, one after the other.
fn ask(lab: &Lab, family: Family, options: &[&str], count: usize) -> Result<Vec<Transfer>> {
    let url = format!("{}[1-{count}]", url(family, Forward::Nat));
    let mut words = vec!["--write-out", REPORT, "--output", "/dev/null"];
    words.extend(options);
    words.push(&url);
    let report = lab.client(1)?.namespace().run(&curl(lab, &words)?)?;
    let transfers: Vec<Transfer> = report.lines().map(Transfer::of).collect();
    assert_eq!(transfers.len(), count, "{report}");
    Ok(transfers)
}

/// A command line of curl that trusts the lab's servers and nobody else.
fn curl<'a>(lab: &'a Lab, words: &[&'a str]) -> Result<Vec<&'a str>> {
    let certificate = lab.network().certificate().map(Certificate::file);
    let certificate = certificate.and_then(|file| file.to_str()).context("no certificate")?;
    let mut line = vec!["curl", "--silent", "--show-error", "--fail", "--noproxy", "*"];
    line.extend(["--max-time", "30", "--cacert", certificate]);
    line.extend(words);
    Ok(line)
}

/// Three backends with TLS, behind a VIP of each family.
fn lab(forward: Forward) -> Result<Lab> {
    let services =
        Family::BOTH.map(|family| Service::secure_web(family, forward, 3).named(name_of(family)));
    Lab::with(Config::new(services)).start()
}

fn url(family: Family, forward: Forward) -> String {
    Service::secure_web(family, forward, 0).url()
}

fn name_of(family: Family) -> &'static str {
    match family {
        Family::V4 => "tls-4",
        Family::V6 => "tls-6",
    }
}

fn connections(stats: &Value, family: Family) -> Result<u64> {
    stats::counter(stats::service(stats, name_of(family))?, "connections")
}
