//! What several subjects expect of answers and counters.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::http::{self, Answer};
use loadbalancer_tests::{Lab, Tally, stats};
use serde_json::Value;

/// Longest wait for an answer that has to come.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Wait for an answer that must not come: several times what one takes.
const SILENCE: Duration = Duration::from_secs(1);

/// Fails unless all requests were answered.
pub(crate) fn all_answered(tally: &Tally, requests: u64) -> Result<()> {
    ensure!(tally.failed == 0, "{} of {requests} failed: {:?}", tally.failed, tally.failures);
    ensure!(tally.answered() == requests, "{} of {requests} answered", tally.answered());
    Ok(())
}

/// Fails unless three equal backends got 33 % ± 5 % each, and nobody else got anything.
pub(crate) fn even_thirds(counts: &BTreeMap<String, u64>) -> Result<()> {
    let names: Vec<&str> = counts.keys().map(String::as_str).collect();
    ensure!(names == ["web-1", "web-2", "web-3"], "{counts:?}");
    let total: u64 = counts.values().sum();
    let even = |&count: &u64| (28 * total..=38 * total).contains(&(100 * count));
    ensure!(counts.values().all(even), "not 33 % ± 5 % each: {counts:?}");
    Ok(())
}

/// A counter of every backend of a service.
pub(crate) fn by_backend(
    stats: &Value,
    service: &str,
    counter: &str,
) -> Result<BTreeMap<String, u64>> {
    stats::list(stats::service(stats, service)?, "backends")?
        .iter()
        .map(|backend| Ok((stats::text(backend, "name")?, stats::counter(backend, counter)?)))
        .collect()
}

/// One answered request from client `number`.
pub(crate) fn answer(lab: &Lab, number: usize, url: &str) -> Result<Answer> {
    http::ask_once(lab.client(number)?, url, ANSWER_LIMIT)
        .with_context(|| format!("client {number} got no answer"))
}

/// Fails when client `number` gets an answer.
pub(crate) fn silence(lab: &Lab, number: usize, url: &str) -> Result<()> {
    let answer = http::ask_once(lab.client(number)?, url, SILENCE);
    ensure!(answer.is_err(), "client {number} got {answer:?}");
    Ok(())
}

/// The message of a refusal: one line that begins with "error: ", then only why and what to do.
pub(crate) fn one_clear_error(stderr: &str) -> Result<&str> {
    let mut lines = stderr.lines();
    let first = lines.next().context("nothing on stderr")?;
    let message = first.strip_prefix("error: ").with_context(|| format!("unclear: {stderr}"))?;
    let explains = |line: &str| {
        line.strip_prefix("  ").is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.starts_with("because: ") || rest.starts_with("hint: ")
        })
    };
    ensure!(lines.all(explains), "more than because and hint follows: {stderr}");
    Ok(message)
}
