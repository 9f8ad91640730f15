//! What the API's lists hold. Statistics have types of their own, in [`crate::stats`].

use serde::{Deserialize, Serialize};

use crate::{
    config::{Algorithm, Forward, Protocol, RuleAction},
    daemon::Changed,
    stats::{BackendState, BackendStats, ServiceStats},
};

/// What a request changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// One line for each thing that changed; empty when nothing did.
    pub changes: Vec<String>,
}

impl From<Changed> for Changes {
    fn from(changed: Changed) -> Self {
        Self { changes: changed.changes }
    }
}

/// `service list --json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceList {
    /// The services, in the order of the configuration.
    pub services: Vec<ServiceView>,
}

/// A service and its backends, without counters: `service show --json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
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
    /// The backends, in the order of the configuration.
    pub backends: Vec<BackendView>,
}

impl From<ServiceStats> for ServiceView {
    fn from(service: ServiceStats) -> Self {
        Self {
            name: service.name,
            address: service.address,
            protocol: service.protocol,
            forward: service.forward,
            algorithm: service.algorithm,
            backends: service.backends.into_iter().map(BackendView::from).collect(),
        }
    }
}

/// A backend, without counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendView {
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
}

impl From<BackendStats> for BackendView {
    fn from(backend: BackendStats) -> Self {
        Self {
            name: backend.name,
            address: backend.address,
            state: backend.state,
            weight: backend.weight,
            backup: backend.backup,
            active_connections: backend.active_connections,
        }
    }
}

/// `firewall list --json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallView {
    /// What happens to packets that no rule matches.
    pub default: RuleAction,
    /// The rules, in the order of the configuration.
    pub rules: Vec<RuleView>,
}

/// A firewall rule with its counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// Name.
    pub name: String,
    /// Source prefixes, as the configuration writes them.
    pub source: Vec<String>,
    /// What it does.
    pub action: RuleAction,
    /// Packets that it decided.
    pub packets: u64,
    /// Bytes of those packets.
    pub bytes: u64,
}
