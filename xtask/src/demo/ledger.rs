//! The book of all requests, and what a second of them looks like.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use loadbalancer_tests::stats;
use serde_json::Value;

use super::traffic::Request;

/// All requests so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) requests: Vec<Request>,
    /// Requests that `second` has shown.
    shown: usize,
    /// When it did.
    last: Duration,
    /// Each backend's `queries` then.
    queries: BTreeMap<String, u64>,
}

/// What happened since the last look.
#[derive(Debug)]
pub(super) struct Second {
    /// Time since the clients' start.
    pub(super) at: Duration,
    /// Each backend, as the daemon counts.
    pub(super) backends: Vec<BackendRow>,
    /// Requests a second, as the clients count them.
    pub(super) rate: f64,
    /// Requests that failed.
    pub(super) failed: usize,
    /// Requests that failed since the clients' start.
    pub(super) failed_in_all: usize,
    /// Response times.
    pub(super) times: Times,
}

/// A backend in the last second, as the daemon's `stats` tell it.
#[derive(Debug)]
pub(super) struct BackendRow {
    pub(super) name: String,
    pub(super) state: String,
    /// Requests a second.
    pub(super) rate: f64,
    pub(super) connections: u64,
}

/// Response times of answered requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// Half of the answers took no longer.
    pub(super) p50: Duration,
    /// 99 of 100 answers took no longer.
    pub(super) p99: Duration,
}

impl Times {
    pub(super) fn of(requests: &[Request]) -> Self {
        let answered = requests.iter().filter(|request| request.outcome.is_ok());
        let mut times: Vec<Duration> = answered.map(|request| request.took).collect();
        times.sort_unstable();
        let rank = |percent: usize| {
            let index = (times.len() * percent).div_ceil(100).saturating_sub(1);
            times.get(index).copied().unwrap_or_default()
        };
        Self { p50: rank(50), p99: rank(99) }
    }
}

impl Ledger {
    /// What happened since the last call, with the daemon's view from `stats`.
    pub(super) fn second(&mut self, at: Duration, stats: &Value) -> Result<Second> {
        let passed = at.saturating_sub(self.last).as_secs_f64();
        let fresh = self.requests.get(self.shown..).unwrap_or_default();
        let mut backends = Vec::new();
        for backend in stats::list(stats::service(stats, "web")?, "backends")? {
            let (name, queries) =
                (stats::text(backend, "name")?, stats::counter(backend, "queries")?);
            let before = self.queries.insert(name.clone(), queries).unwrap_or(0);
            backends.push(BackendRow {
                name,
                state: stats::text(backend, "state")?,
                rate: per_second(queries.saturating_sub(before), passed),
                connections: stats::counter(backend, "connections")?,
            });
        }
        let second = Second {
            at,
            backends,
            rate: per_second(fresh.len() as u64, passed),
            failed: failed(fresh),
            failed_in_all: failed(&self.requests),
            times: Times::of(fresh),
        };
        (self.shown, self.last) = (self.requests.len(), at);
        Ok(second)
    }
}

fn failed(requests: &[Request]) -> usize {
    requests.iter().filter(|request| request.outcome.is_err()).count()
}

#[expect(clippy::cast_precision_loss, reason = "a second's count is far below 2^52")]
fn per_second(count: u64, passed: f64) -> f64 {
    count as f64 / passed.max(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_of_requests_and_failures_have_none() {
        let request = |milliseconds, outcome| Request {
            at: Duration::ZERO,
            took: Duration::from_millis(milliseconds),
            outcome,
        };
        let mut requests: Vec<Request> =
            (1..=100).map(|took| request(took, Ok("web-1".to_owned()))).collect();
        requests.push(request(2_000, Err("refused".to_owned())));
        let times = Times::of(&requests);
        assert_eq!((times.p50.as_millis(), times.p99.as_millis()), (50, 99));
        assert_eq!(Times::of(&[]), Times::default());
    }
}
