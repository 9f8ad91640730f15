//! What the daemon says of itself: status and health.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::{
    config::{Config, ServiceConfig},
    engine::Catalog,
    health::{BackendName, Health},
    network::NextHops,
    stats::{BackendHealth, BackendState, HealthReport, InterfaceStatus},
};

/// The state of every backend.
pub(super) fn health(
    config: &Config,
    catalog: &Catalog,
    health: &BTreeMap<BackendName, Health>,
    started: Instant,
) -> HealthReport {
    let mut backends = Vec::new();
    for (service, listed) in config.services.iter().zip(&catalog.services) {
        for backend in &listed.backends {
            let name = BackendName { service: service.name.clone(), backend: backend.name.clone() };
            let known = health.get(&name);
            let since = known.map_or(started, |health| health.since);
            backends.push(BackendHealth {
                service: name.service,
                backend: name.backend,
                address: backend.address.to_string(),
                state: backend.state,
                check: service.health.kind.name().to_owned(),
                since_seconds: since.elapsed().as_secs_f64(),
                latency_ms: known.and_then(|health| health.latency).map(milliseconds),
                last_error: known.and_then(|health| health.last_error.clone()),
            });
        }
    }
    HealthReport { backends }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Number of backends by state.
pub(super) fn states(catalog: &Catalog) -> BTreeMap<BackendState, usize> {
    let mut states = BTreeMap::new();
    for backend in catalog.services.iter().flat_map(|service| &service.backends) {
        let count: &mut usize = states.entry(backend.state).or_default();
        *count = count.saturating_add(1);
    }
    states
}

/// What an operator should look at, a line each.
pub(super) fn warnings(
    config: &Config,
    catalog: &Catalog,
    interfaces: &[InterfaceStatus],
    unresolved: &BTreeMap<IpAddr, String>,
    next_hops: &NextHops,
    attached: &[u32],
) -> Vec<String> {
    let generic = interfaces.iter().filter(|interface| interface.mode == "generic").map(|one| {
        format!(
            "{0} runs in generic mode: every packet costs a socket buffer first, and merged frames \
             cannot be forwarded: keep GRO off with `ethtool -K {0} gro off`",
            one.name
        )
    });
    let without = config.services.iter().zip(&catalog.services).filter_map(|(service, listed)| {
        let healthy = |state: BackendState| state == BackendState::Healthy;
        let none = !listed.backends.iter().any(|backend| healthy(backend.state));
        none.then(|| format!("service {} has no healthy backend: its packets drop", service.name))
    });
    let lost = unresolved
        .iter()
        .map(|(address, why)| format!("{} cannot be reached: {why}", names_of(config, *address)));
    let elsewhere = next_hops.iter().filter(|(_, hop)| !attached.contains(&hop.ifindex)).map(
        |(address, hop)| {
            format!(
                "{} gets no packets: it is behind {}, to which the program is not attached",
                names_of(config, *address),
                interface_name(hop.ifindex)
            )
        },
    );
    generic.chain(without).chain(lost).chain(elsewhere).collect()
}

fn interface_name(index: u32) -> String {
    let name = nix::net::if_::if_indextoname(index).ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| format!("the interface with index {index}"))
}

/// The backends with this address, as operators call them.
fn names_of(config: &Config, address: IpAddr) -> String {
    let of = |service: &ServiceConfig| {
        let backends = service.backends.iter().filter(move |one| one.address.ip() == address);
        backends.map(|one| format!("{}/{}", service.name, one.name)).collect::<Vec<_>>()
    };
    let names: Vec<String> = config.services.iter().flat_map(of).collect();
    format!("{address} ({})", names.join(", "))
}
