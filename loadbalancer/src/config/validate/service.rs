//! `[[service]]`

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    ops::Range,
};

use super::{
    backend::backends,
    health::health,
    quic::quic,
    value::{endpoint, integer, name, required, usable, word},
};
use crate::{
    config::{
        Algorithm, ConfigError, Forward, Limits, Protocol, ServiceConfig,
        raw::{RawService, Text},
        source::Source,
    },
    maglev::{is_prime, next_prime},
};

/// Slots of a lookup table where the file names none.
const TABLE_SIZE: u32 = 65_537;

/// All services, and what they must not share or exceed together.
pub(super) fn services(
    source: &Source<'_>,
    raw: &[toml::Spanned<RawService>],
    limits: &Limits,
) -> Result<Vec<ServiceConfig>, ConfigError> {
    let mut services: Vec<ServiceConfig> = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut totals = Totals::default();
    for raw in raw {
        let table = raw.get_ref();
        let service = service(source, table, &raw.span(), limits)?;
        let span = table.name.as_ref().map_or_else(|| raw.span(), toml::Spanned::span);
        if let Some(line) = lines.insert(service.name.clone(), source.line(&span)) {
            let message = format!("service {} exists already, on line {line}", service.name);
            return Err(source.invalid(&span, message, "give each service a name of its own"));
        }
        let same = |one: &&ServiceConfig| {
            one.address == service.address && one.protocol == service.protocol
        };
        if let Some(other) = services.iter().find(same) {
            let message = format!(
                "services {} and {} both have {} over {}",
                other.name, service.name, service.address, service.protocol
            );
            let span = table.address.as_ref().map_or_else(|| raw.span(), toml::Spanned::span);
            return Err(source.invalid(&span, message, "change an address, a port or a protocol"));
        }
        totals.add(source, &raw.span(), &service, limits)?;
        services.push(service);
    }
    Ok(services)
}

/// What the services take together.
#[derive(Default)]
struct Totals {
    v4: u32,
    v6: u32,
    backends: usize,
    slots: u64,
    quic: usize,
}

impl Totals {
    /// Adds a service, within the limits.
    fn add(
        &mut self,
        source: &Source<'_>,
        at: &Range<usize>,
        service: &ServiceConfig,
        limits: &Limits,
    ) -> Result<(), ConfigError> {
        let (family, count) = match service.address {
            SocketAddr::V4(_) => ("IPv4", &mut self.v4),
            SocketAddr::V6(_) => ("IPv6", &mut self.v6),
        };
        *count += 1;
        let beyond = |message: String, key: &str| {
            Err(source.invalid(at, message, format!("raise `{key}` in [datapath.limits]")))
        };
        if *count > limits.services {
            let message =
                format!("this is {family} service {count}, and the limit is {}", limits.services);
            return beyond(message, "services");
        }
        self.backends += service.backends.len();
        if self.backends > limits.backends as usize {
            let message = format!(
                "the services have {} backends up to here, and the limit is {}",
                self.backends, limits.backends
            );
            return beyond(message, "backends");
        }
        self.quic += service.quic.as_ref().map_or(0, |quic| quic.configs.len());
        if self.quic > limits.services as usize {
            let message = format!(
                "the services have {} QUIC configurations up to here, and the limit is {}",
                self.quic, limits.services
            );
            return beyond(message, "services");
        }
        // Twice: a table that changes is written beside the one in use.
        self.slots += 2 * u64::from(service.table_size);
        if self.slots > u64::from(limits.lookup_slots) {
            return Err(source.invalid(
                at,
                format!(
                    "the lookup tables need {} slots up to here, twice their sizes, and the limit \
                     is {}",
                    self.slots, limits.lookup_slots
                ),
                "raise `lookup_slots` in [datapath.limits], or lower `table_size`",
            ));
        }
        Ok(())
    }
}

/// One service by itself.
fn service(
    source: &Source<'_>,
    raw: &RawService,
    at: &Range<usize>,
    limits: &Limits,
) -> Result<ServiceConfig, ConfigError> {
    let text = required(source, at, "service", "name", "\"web\"", raw.name.as_ref())?;
    let name = name(source, "service", text)?;
    let text =
        required(source, at, "service", "address", "\"192.0.2.10:80\"", raw.address.as_ref())?;
    let mut service = ServiceConfig {
        name,
        address: address(source, text)?,
        protocol: word(source, "protocol", raw.protocol.as_ref(), Protocol::default())?,
        forward: word(source, "forward", raw.forward.as_ref(), Forward::default())?,
        algorithm: word(source, "algorithm", raw.algorithm.as_ref(), Algorithm::default())?,
        table_size: TABLE_SIZE,
        min_healthy: integer(source, "min_healthy", raw.min_healthy.as_ref(), 1..=65_535, 1)?,
        health: crate::config::HealthConfig::default(),
        quic: None,
        backends: Vec::new(),
    };
    service.health = health(source, &raw.health, service.protocol, service.address.port())?;
    service.backends = backends(source, &raw.backend, &service)?;
    quic(source, raw, &mut service)?;
    service.table_size = table_size(source, raw, at, service.backends.len(), limits)?;
    Ok(service)
}

/// VIP and port of a service.
fn address(source: &Source<'_>, text: &Text) -> Result<SocketAddr, ConfigError> {
    let written = text.get_ref();
    match endpoint(written) {
        Some((ip, Some(port))) => {
            usable(source, "VIP", text, ip)?;
            Ok(SocketAddr::new(ip, port))
        }
        Some((ip, None)) => {
            let (open, close) = if ip.is_ipv6() { ("[", "]") } else { ("", "") };
            Err(source.invalid(
                &text.span(),
                format!("service address {written:?} has no port"),
                format!("write it as \"{open}{ip}{close}:80\", or with port 0 for every port"),
            ))
        }
        None => Err(source.invalid(
            &text.span(),
            format!("service address {written:?} is not an IP address with a port"),
            "write it as \"192.0.2.10:80\" or \"[2001:db8::10]:80\"",
        )),
    }
}

/// Slots of the lookup table: a prime, so that every permutation reaches every slot.
fn table_size(
    source: &Source<'_>,
    raw: &RawService,
    at: &Range<usize>,
    backends: usize,
    limits: &Limits,
) -> Result<u32, ConfigError> {
    let most = i64::from(limits.lookup_slots);
    let size = integer(source, "table_size", raw.table_size.as_ref(), 2..=most, TABLE_SIZE)?;
    let span = raw.table_size.as_ref().map_or_else(|| at.clone(), toml::Spanned::span);
    let prime = |number| next_prime(number).unwrap_or(TABLE_SIZE);
    if !is_prime(size) {
        let message = format!("`table_size` is {size}, which is not a prime number");
        return Err(source.invalid(&span, message, format!("the next prime is {}", prime(size))));
    }
    if backends > size as usize {
        let wanted = u32::try_from(backends).unwrap_or(u32::MAX).saturating_mul(100);
        return Err(source.invalid(
            &span,
            format!("the lookup table of {size} slots is too small for {backends} backends"),
            format!("write table_size = {}: about 100 slots a backend", prime(wanted)),
        ));
    }
    Ok(size)
}

/// Whether two addresses are of one family.
pub(super) const fn same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}
