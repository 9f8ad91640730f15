//! What the ids in the maps are called.

use std::net::SocketAddr;

use super::BackendState;
use crate::config::{Algorithm, Forward, Protocol, RuleAction};

/// Names and settings of everything that is counted, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The services.
    pub services: Vec<CatalogService>,
    /// The firewall's rules.
    pub rules: Vec<CatalogRule>,
}

/// A service and the id that it has in the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogService {
    /// Id, never 0.
    pub id: u32,
    /// Name.
    pub name: String,
    /// VIP and port; port 0 is every port.
    pub address: SocketAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Forward mode.
    pub forward: Forward,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Its backends.
    pub backends: Vec<CatalogBackend>,
}

/// A backend and the id that it has in the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogBackend {
    /// Id, never 0: the index of its counters.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Address and port; port 0 keeps the port that the client used.
    pub address: SocketAddr,
    /// Whether it takes flows: what the operator wants and what the checks say, joined.
    pub state: BackendState,
    /// Configured weight.
    pub weight: u16,
    /// Whether it is a backup.
    pub backup: bool,
}

/// A firewall rule and the id that it has in the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRule {
    /// Id, never 0: the index of its counters.
    pub id: u32,
    /// Name.
    pub name: String,
    /// What it does.
    pub action: RuleAction,
}
