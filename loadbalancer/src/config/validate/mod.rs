//! From the shape of the file to what it means: every rule that a configuration must keep.
//!
//! The first violation is refused with its line and the remedy. What depends on the host (whether
//! an interface exists) is not checked here, so that a file can be checked anywhere.

mod backend;
mod firewall;
mod health;
mod quic;
mod service;
mod settings;
mod value;

use super::{Config, ConfigError, raw::RawConfig, source::Source};

/// Checks a configuration.
///
/// # Errors
///
/// The first thing that is wrong.
pub(super) fn validate(raw: &RawConfig, source: &Source<'_>) -> Result<Config, ConfigError> {
    let datapath = settings::datapath(source, &raw.datapath)?;
    let limits = &datapath.limits;
    Ok(Config {
        nat: settings::nat(source, &raw.nat)?,
        api: settings::api(source, &raw.api)?,
        services: service::services(source, &raw.service, limits)?,
        firewall: firewall::firewall(source, &raw.firewall, limits)?,
        datapath,
    })
}
