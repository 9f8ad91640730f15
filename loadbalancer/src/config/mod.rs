//! The configuration: a TOML file, the only source of truth, and its typed form.
//!
//! A document is the text with its comments and order; a [`Config`] is what it means, checked.
//! Every change, from the file or from a command, goes the same way: text, [`Config`], apply.

mod edit;
mod error;
mod model;

pub use edit::{BackendSettings, Edit, NewBackend, NewRule, NewService};
pub use error::ConfigError;
pub use model::{
    AdminState, Algorithm, ApiConfig, BackendConfig, CheckKind, Config, DatapathConfig,
    FirewallConfig, Forward, HealthConfig, Limits, NatConfig, PortRange, Protocol, RuleAction,
    RuleConfig, ServiceConfig, XdpMode,
};
