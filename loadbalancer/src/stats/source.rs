//! Where counters come from.

use std::{collections::HashMap, error::Error};

use loadbalancer_common::{Counters, RuleCounters};

/// Reads the counters that the packet path keeps.
///
/// Costs: a system call for each backend or rule that is asked for, and one walk over the
/// connection tables for [`Source::active_connections`].
pub trait Source {
    /// The counters of a backend, one set for each CPU, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn counters(&self, backend: u32) -> Result<Vec<Counters>, SourceError>;

    /// The counters of a firewall rule, one set for each CPU.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn rule_counters(&self, rule: u32) -> Result<Vec<RuleCounters>, SourceError>;

    /// Dropped packets, summed over the CPUs; the index is a `DropReason` as its number.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn drops(&self) -> Result<Vec<u64>, SourceError>;

    /// Rare events, summed over the CPUs; the index is an `Event` as its number.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn events(&self) -> Result<Vec<u64>, SourceError>;

    /// Connections that are remembered and were seen lately, by backend id; no entry means none.
    ///
    /// # Errors
    ///
    /// When the maps cannot be read.
    fn active_connections(&self) -> Result<HashMap<u32, u64>, SourceError>;
}

/// Counters that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}")]
pub struct SourceError {
    /// What was asked for, such as "the counters of backend 7".
    pub what: String,
    /// Why not.
    pub source: Box<dyn Error + Send + Sync>,
}
