//! The configuration: a TOML file, the only source of truth, and its typed form.
//!
//! A document is the text with its comments and order; a [`Config`] is what it means, checked.
//! Raw tables with places (`raw`) become checked values (`validate`); an edit changes the text
//! (`change`), and the whole of it is checked again.
//! Every change, from the file or from a command, goes the same way: text, [`Config`], apply.

mod change;
mod differences;
mod document;
mod edit;
mod error;
mod model;
mod names;
mod quic;
mod raw;
mod secrets;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod validate;

pub use differences::differences;
pub use document::Document;
pub use edit::{BackendSettings, Edit, NewBackend, NewRule, NewService};
pub use error::ConfigError;
pub use model::{
    AdminState, Algorithm, ApiConfig, BackendConfig, CheckKind, Config, DatapathConfig,
    FirewallConfig, Forward, HealthConfig, Limits, NatConfig, PortRange, Protocol, RuleAction,
    RuleConfig, ServiceConfig, XdpMode,
};
pub use quic::{QuicConfig, QuicKey, QuicLb};
