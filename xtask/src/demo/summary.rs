//! What came of the demo: for people, for programs, and as an exit status.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::ledger::{Ledger, Times};
use super::screen::milliseconds;
use super::story::{Story, VICTIM};
use super::traffic::Request;

/// Failures that are quoted.
const QUOTED: usize = 5;

/// The facts, under the names that `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    seconds: u64,
    requests: usize,
    /// Requests that met the dead backend before it was found out.
    failed_before_detection: usize,
    /// Requests that failed at any other time: there should be none.
    failed_otherwise: usize,
    detected_after_seconds: Option<f64>,
    back_after_seconds: Option<f64>,
    p50_milliseconds: f64,
    p99_milliseconds: f64,
    backends: Vec<BackendShare>,
    /// The first failures at any other time, for a person to read.
    failures: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct BackendShare {
    name: String,
    requests: usize,
    percent: f64,
}

impl Summary {
    pub(super) fn of(length: Duration, ledger: &Ledger, story: &Story) -> Self {
        let requests = &ledger.requests;
        let failed = requests.iter().filter(|request| request.outcome.is_err());
        let (excused, others): (Vec<&Request>, Vec<&Request>) =
            failed.partition(|request| story.excuses(request.at, request.at + request.took));
        let times = Times::of(requests);
        Self {
            seconds: length.as_secs(),
            requests: requests.len(),
            failed_before_detection: excused.len(),
            failed_otherwise: others.len(),
            detected_after_seconds: between(story.killed, story.out),
            back_after_seconds: between(story.revived, story.back),
            p50_milliseconds: milliseconds(times.p50),
            p99_milliseconds: milliseconds(times.p99),
            backends: shares(requests),
            failures: others.iter().take(QUOTED).map(|request| quote(request)).collect(),
        }
    }

    /// Whether the story went to its end and nothing failed that had no excuse.
    pub(super) fn is_success(&self) -> bool {
        self.requests > self.failed_before_detection
            && self.failed_otherwise == 0
            && self.detected_after_seconds.is_some()
            && self.back_after_seconds.is_some()
    }

    pub(super) fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).context("cannot write the summary as JSON")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, requests, failed_before_detection, failed_otherwise, .. } = self;
        writeln!(out, "\n{requests} requests in {seconds} s")?;
        writeln!(out, "  {failed_before_detection} failed while {VICTIM} was dead and undetected")?;
        writeln!(out, "  {failed_otherwise} failed at any other time")?;
        for failure in &self.failures {
            writeln!(out, "    {failure}")?;
        }
        writeln!(out, "  {VICTIM} was out {}", after(self.detected_after_seconds, "killed"))?;
        writeln!(out, "  {VICTIM} was back {}", after(self.back_after_seconds, "revived"))?;
        let (p50, p99) = (self.p50_milliseconds, self.p99_milliseconds);
        writeln!(out, "  answers took {p50:.1} ms (p50), {p99:.1} ms (p99)")?;
        write!(out, "  shares:")?;
        for BackendShare { name, requests, percent } in &self.backends {
            write!(out, " {name} {percent:.1} % ({requests})")?;
        }
        Ok(())
    }
}

fn between(from: Option<Duration>, to: Option<Duration>) -> Option<f64> {
    Some(to?.saturating_sub(from?).as_secs_f64())
}

fn after(seconds: Option<f64>, what: &str) -> String {
    match seconds {
        Some(seconds) => format!("{seconds:.1} s after it was {what}"),
        None => format!("NEVER after it was {what}"),
    }
}

fn shares(requests: &[Request]) -> Vec<BackendShare> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for backend in requests.iter().filter_map(|request| request.outcome.as_deref().ok()) {
        *counts.entry(backend).or_default() += 1;
    }
    let answered = counts.values().sum::<usize>();
    let share = |(name, &requests): (&&str, &usize)| BackendShare {
        name: (*name).to_owned(),
        requests,
        percent: percent(requests, answered),
    };
    counts.iter().map(share).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a demo's count is far below 2^52")]
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn quote(request: &Request) -> String {
    let failure = request.outcome.as_ref().err().map_or("", String::as_str);
    format!("at {:.2} s: {failure}", request.at.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: u64, outcome: Result<&str, &str>) -> Request {
        Request {
            at: Duration::from_secs(at),
            took: Duration::from_millis(1),
            outcome: outcome.map(ToOwned::to_owned).map_err(ToOwned::to_owned),
        }
    }

    /// Killed at 10 s, out at 12 s, revived at 20 s, back at 21 s.
    fn story() -> Story {
        let mut story = Story::new(Duration::from_secs(30));
        story.killed = Some(Duration::from_secs(10));
        story.out = Some(Duration::from_secs(12));
        story.revived = Some(Duration::from_secs(20));
        story.back = Some(Duration::from_secs(21));
        story
    }

    fn summary(requests: Vec<Request>, story: &Story) -> Summary {
        let mut ledger = Ledger::default();
        ledger.requests = requests;
        Summary::of(Duration::from_secs(30), &ledger, story)
    }

    #[test]
    fn failures_before_the_detection_are_no_failure_of_the_demo() {
        let requests =
            vec![request(1, Ok("web-1")), request(2, Ok("web-2")), request(11, Err("refused"))];
        let summary = summary(requests, &story());
        assert!(summary.is_success(), "{summary}");
        assert_eq!((summary.failed_before_detection, summary.failed_otherwise), (1, 0));
        let shares: Vec<f64> = summary.backends.iter().map(|backend| backend.percent).collect();
        assert_eq!(shares, [50.0, 50.0]);
    }

    #[test]
    fn a_failure_after_the_detection_fails_the_demo_and_is_quoted() {
        let summary = summary(vec![request(1, Ok("web-1")), request(13, Err("timeout"))], &story());
        assert!(!summary.is_success());
        assert!(summary.to_string().contains("at 13.00 s: timeout"), "{summary}");
    }

    #[test]
    fn a_backend_that_is_never_found_out_fails_the_demo() {
        let mut story = story();
        story.out = None;
        assert!(!summary(vec![request(1, Ok("web-1"))], &story).is_success());
    }
}
