//! Counters: from the maps to rates, tables, JSON and Prometheus.
//!
//! A [`Source`] reads counters by id, a [`Catalog`] knows what the ids are called, a [`Sampler`]
//! remembers earlier totals; [`collect()`] joins the three into [`Stats`], which every view shows.

mod collect;
mod metrics;
mod model;
mod sampler;
mod source;
#[cfg(test)]
mod tests;

pub use collect::{Moment, collect, events};
pub use metrics::{METRICS_CONTENT_TYPE, metrics_text};
pub use model::{
    BackendHealth, BackendState, BackendStats, CpuCounters, HealthReport, InterfaceStatus, Rates,
    RuleStats, ServiceStats, Stats, Status,
};
pub use sampler::Sampler;
pub use source::{Source, SourceError};

pub(crate) use crate::engine::{Catalog, CatalogBackend, CatalogRule, CatalogService};
