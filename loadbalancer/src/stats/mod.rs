//! Counters: from the maps to rates, tables, JSON and Prometheus.

mod model;

pub use model::{
    BackendHealth, BackendState, BackendStats, CpuCounters, HealthReport, InterfaceStatus, Rates,
    RuleStats, ServiceStats, Stats, Status,
};
