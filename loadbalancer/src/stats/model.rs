//! What users read: the types behind `stats --json`, `health --json` and `status --json`.
//!
//! The names of the JSON keys are a contract (section 6 of the design).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Algorithm, Forward, Protocol, RuleAction};

/// `stats --json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Since the daemon started.
    pub uptime_seconds: f64,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// The services, in the order of the configuration.
    pub services: Vec<ServiceStats>,
    /// The firewall's rules, in the order of the configuration.
    pub firewall: Vec<RuleStats>,
    /// Dropped packets by reason.
    pub drops: BTreeMap<String, u64>,
}

/// An interface that the program is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Name of the interface.
    pub name: String,
    /// `native` or `generic`.
    pub mode: String,
}

/// A service with its counters: the sums of its backends'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStats {
    /// Name.
    pub name: String,
    /// VIP and port.
    pub address: String,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Forward mode.
    pub forward: Forward,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes of those packets, Ethernet headers included.
    pub bytes: u64,
    /// New flows.
    pub connections: u64,
    /// Requests as layer 4 sees them.
    pub queries: u64,
    /// Change over the last second or so.
    pub rates: Rates,
    /// With `--per-cpu`: the counters of each CPU, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cpu: Option<Vec<CpuCounters>>,
    /// The backends, in the order of the configuration.
    pub backends: Vec<BackendStats>,
}

/// A backend with its counters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendStats {
    /// Name.
    pub name: String,
    /// Address and port.
    pub address: String,
    /// Whether it takes flows.
    pub state: BackendState,
    /// Configured weight.
    pub weight: u16,
    /// Whether it is a backup.
    pub backup: bool,
    /// Connections that are remembered and were seen lately.
    pub active_connections: u64,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes of those packets, Ethernet headers included.
    pub bytes: u64,
    /// New flows.
    pub connections: u64,
    /// Requests as layer 4 sees them.
    pub queries: u64,
    /// Change over the last second or so.
    pub rates: Rates,
    /// With `--per-cpu`: the counters of each CPU, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_cpu: Option<Vec<CpuCounters>>,
}

/// State of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// Takes flows.
    Healthy,
    /// Its checks fail.
    Unhealthy,
    /// Keeps its flows and gets no new ones.
    Draining,
    /// Switched off by the operator.
    Disabled,
}

/// Change of the counters for each second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Packets a second.
    pub packets_per_second: f64,
    /// Bits a second.
    pub bits_per_second: f64,
    /// New flows a second.
    pub connections_per_second: f64,
    /// Requests a second.
    pub queries_per_second: f64,
}

/// The four counters of one CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuCounters {
    /// Number of the CPU.
    pub cpu: usize,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes of those packets.
    pub bytes: u64,
    /// New flows.
    pub connections: u64,
    /// Requests as layer 4 sees them.
    pub queries: u64,
}

/// A firewall rule with its counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStats {
    /// Name of the rule.
    pub rule: String,
    /// What it does.
    pub action: RuleAction,
    /// Packets that it decided.
    pub packets: u64,
    /// Bytes of those packets.
    pub bytes: u64,
}

/// `health --json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    /// Every backend of every service, in the order of the configuration.
    pub backends: Vec<BackendHealth>,
}

/// What the checks say of a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendHealth {
    /// Service.
    pub service: String,
    /// Backend.
    pub backend: String,
    /// Address and port of the backend.
    pub address: String,
    /// State.
    pub state: BackendState,
    /// Kind of check.
    pub check: String,
    /// How long it has been in that state.
    pub since_seconds: f64,
    /// Duration of the last answered check, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Why the last check failed; none when it did not.
    pub last_error: Option<String>,
}

/// `status --json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Since the daemon started.
    pub uptime_seconds: f64,
    /// Configuration file, if there is one.
    pub config: Option<String>,
    /// Where programs and maps are pinned.
    pub pin_directory: String,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// Number of services.
    pub services: usize,
    /// Number of backends by state.
    pub backends: BTreeMap<BackendState, usize>,
    /// Number of firewall rules.
    pub firewall_rules: usize,
    /// Rare events of the packet path by name.
    pub events: BTreeMap<String, u64>,
    /// What an operator should look at, a line each.
    pub warnings: Vec<String>,
}
