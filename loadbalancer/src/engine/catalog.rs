//! Names for ids: what turns counters into views.

use std::net::SocketAddr;

use crate::{
    config::{Algorithm, Forward, Protocol, RuleAction},
    stats::BackendState,
};

/// What runs, by name and id, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The services.
    pub services: Vec<CatalogService>,
    /// The firewall's rules; the last one is `default`, when that drops.
    pub rules: Vec<CatalogRule>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogService {
    /// Its id in the maps.
    pub id: u32,
    /// Name.
    pub name: String,
    /// VIP and port.
    pub address: SocketAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Forward mode.
    pub forward: Forward,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// The backends.
    pub backends: Vec<CatalogBackend>,
}

/// A backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogBackend {
    /// Its id in the maps: the index of its counters.
    pub id: u32,
    /// Name.
    pub name: String,
    /// Address and port.
    pub address: SocketAddr,
    /// State.
    pub state: BackendState,
    /// Configured weight.
    pub weight: u16,
    /// Whether it is a backup.
    pub backup: bool,
}

/// A firewall rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRule {
    /// Its id in the maps: the index of its counters.
    pub id: u32,
    /// Name.
    pub name: String,
    /// What it does.
    pub action: RuleAction,
}
