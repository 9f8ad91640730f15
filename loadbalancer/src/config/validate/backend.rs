//! `[[service.backend]]`

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    ops::Range,
};

use super::{
    service::same_family,
    value::{endpoint, family, integer, name, required, usable, word},
};
use crate::config::{
    AdminState, BackendConfig, ConfigError, Forward, ServiceConfig,
    raw::{RawBackend, Text},
    source::Source,
};

/// The backends of a service.
pub(super) fn backends(
    source: &Source<'_>,
    raw: &[toml::Spanned<RawBackend>],
    service: &ServiceConfig,
) -> Result<Vec<BackendConfig>, ConfigError> {
    let mut backends: Vec<BackendConfig> = Vec::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut addresses: HashMap<SocketAddr, usize> = HashMap::new();
    for raw in raw {
        let table = raw.get_ref();
        let backend = backend(source, table, &raw.span(), service)?;
        let place = |text: &Option<Text>| text.as_ref().map_or_else(|| raw.span(), Text::span);
        let at = place(&table.address);
        if let Some(line) = addresses.insert(backend.address, source.line(&at)) {
            let message = format!(
                "service {} has backend {} already, on line {line}",
                service.name, backend.address
            );
            return Err(source.invalid(&at, message, "leave one of them out"));
        }
        let at = if table.name.is_some() { place(&table.name) } else { at };
        if let Some(line) = names.insert(backend.name.clone(), source.line(&at)) {
            let message = format!(
                "service {} has a backend named {} already, on line {line}",
                service.name, backend.name
            );
            return Err(source.invalid(&at, message, "give each backend a name of its own"));
        }
        backends.push(backend);
    }
    Ok(backends)
}

/// One backend by itself.
fn backend(
    source: &Source<'_>,
    raw: &RawBackend,
    at: &Range<usize>,
    service: &ServiceConfig,
) -> Result<BackendConfig, ConfigError> {
    let text =
        required(source, at, "backend", "address", "\"10.0.0.11:80\"", raw.address.as_ref())?;
    let Some((ip, port)) = endpoint(text.get_ref()) else {
        return Err(source.invalid(
            &text.span(),
            format!("backend address {:?} is not an IP address", text.get_ref()),
            "write it as \"10.0.0.11:80\", \"[2001:db8::11]:80\", or without a port for the \
             service's; this version does not look names up",
        ));
    };
    check_address(source, text, ip, service)?;
    let port = resolve_port(source, text, ip, port, service)?;
    Ok(BackendConfig {
        name: match &raw.name {
            Some(text) => name(source, "backend", text)?,
            None => text.get_ref().clone(),
        },
        address: SocketAddr::new(ip, port),
        weight: integer(source, "weight", raw.weight.as_ref(), 0..=1_000, 100)?,
        backup: raw.backup,
        state: word(source, "state", raw.state.as_ref(), AdminState::default())?,
        server_id: None, // with the service's `quic`
    })
}

/// Refuses addresses that packets for the service cannot be sent on to.
fn check_address(
    source: &Source<'_>,
    text: &Text,
    ip: IpAddr,
    service: &ServiceConfig,
) -> Result<(), ConfigError> {
    usable(source, "backend address", text, ip)?;
    let vip = service.address.ip();
    if !same_family(ip, vip) {
        return Err(source.invalid(
            &text.span(),
            format!(
                "backend {ip} is {}, but service {} is {}",
                family(ip),
                service.name,
                family(vip)
            ),
            format!("write an {} address: `{}` keeps the family", family(vip), service.forward),
        ));
    }
    if ip == vip {
        return Err(source.invalid(
            &text.span(),
            format!("backend {ip} has the VIP of service {} as its address", service.name),
            "write an address of the backend's own; it may have the VIP on its loopback interface",
        ));
    }
    Ok(())
}

/// The port of a backend: its own, or the service's.
fn resolve_port(
    source: &Source<'_>,
    text: &Text,
    ip: IpAddr,
    port: Option<u16>,
    service: &ServiceConfig,
) -> Result<u16, ConfigError> {
    let own = service.address.port();
    let Some(port) = port.filter(|port| *port != own) else { return Ok(own) };
    let written = text.get_ref();
    let (message, hint) = if own == 0 {
        (
            format!("backend {written} has a port, but service {} covers every port", service.name),
            "without one, the port that the client used is kept",
        )
    } else if port == 0 {
        (format!("backend {written} has port 0"), "without one, the service's port is used")
    } else if service.forward == Forward::Dsr {
        (
            format!("backend {written} has another port than service {}: {own}", service.name),
            "forward mode `dsr` cannot change the port",
        )
    } else {
        return Ok(port);
    };
    Err(source.invalid(&text.span(), message, format!("write \"{ip}\": {hint}")))
}
