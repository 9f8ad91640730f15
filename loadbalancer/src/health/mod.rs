//! Health checks: who asks, how often, and when a backend goes up or down.
//!
//! A [`Monitor`] keeps one task for each backend. The task asks the backend's check once an
//! interval, and a threshold (rise, fall) turns the answers into health, which views read and the
//! controller hears of by [`HealthEvent`]. What is asked is a file for each kind behind one small
//! trait; when it is asked, how long an answer is waited for and what it changes is the same for
//! all kinds.
//!
//! Bound: a backend that stops answering is out within `interval` x `fall` + `timeout`, as long as
//! the limit of checks in flight ([`MAX_CHECKS_IN_FLIGHT`]) is not the bottleneck.
//! Cost: one task and one timer a backend, one connection a check.

mod check;
mod http;
mod monitor;
mod tcp;
mod threshold;
mod watch;

use std::{net::SocketAddr, time::Duration, time::Instant};

use crate::config::HealthConfig;

pub use monitor::{MAX_CHECKS_IN_FLIGHT, Monitor};

/// Names a backend: service and backend by their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendName {
    /// Service.
    pub service: String,
    /// Backend.
    pub backend: String,
}

/// A backend that shall be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose health it is.
    pub name: BackendName,
    /// Backend's address and port; a port in the check's settings replaces the port.
    pub address: SocketAddr,
    /// How it is checked.
    pub check: HealthConfig,
    /// It was taking flows before a restart: it stays healthy until `fall` bad answers in a row.
    /// Only counts when the monitor does not know the target yet.
    pub assume_healthy: bool,
}

/// What the checks say of a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether it takes flows. Before the first answer it does not, unless that was assumed.
    pub healthy: bool,
    /// When that last changed.
    pub since: Instant,
    /// Duration of the last check with a good answer.
    pub latency: Option<Duration>,
    /// Why the last check failed; `None` when it did not fail.
    pub last_error: Option<String>,
}

/// The first answer of a backend, or a change of its health.
///
/// An event may still wait in the queue when its backend is no longer watched: what counts is
/// [`Monitor::health`].
#[derive(Clone, Debug, PartialEq)]
pub struct HealthEvent {
    /// Whose health it is.
    pub name: BackendName,
    /// What it is now.
    pub health: Health,
}
