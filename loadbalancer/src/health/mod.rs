//! Health checks: who asks, how often, and when a backend goes up or down.

use std::{net::SocketAddr, time::Duration, time::Instant};

use crate::config::HealthConfig;

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
}

/// What the checks say of a backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether it takes flows.
    pub healthy: bool,
    /// When that last changed.
    pub since: Instant,
    /// Duration of the last answered check.
    pub latency: Option<Duration>,
    /// Why the last check failed.
    pub last_error: Option<String>,
}
