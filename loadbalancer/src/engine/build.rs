//! The image of the maps, from configuration, health and next hops.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use loadbalancer_common::{
    Be16, ForwardMode, PrefixRule, Service, ServiceKey,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey, ServerId},
};

use super::{
    Allocation, Catalog, CatalogBackend, CatalogRule, CatalogService, EngineError, Features, Image,
    allocation::{PlacedTable, RuleName},
    backend::{SERVES, entry, flags, state},
    ids::Ids,
    regions::Regions,
};
use crate::{
    config::{
        BackendConfig, CheckKind, Config, Forward, Limits, QuicKey, RuleAction, ServiceConfig,
    },
    maglev::{self, Candidate},
    network::NextHop,
    stats::BackendState,
};

/// The name of the rule that counts what the firewall's default drops.
const DEFAULT_RULE: &str = "default";

/// All that an image depends on.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What is wanted.
    pub config: &'a Config,
    /// Sizes of the maps as they were created, which a later configuration does not change.
    pub limits: Limits,
    /// Whether a backend is healthy, by the names of service and backend. Not asked for services
    /// without checks.
    pub health: &'a dyn Fn(&str, &str) -> bool,
    /// The ways to backends that are known, by the backends' addresses.
    pub next_hops: &'a HashMap<IpAddr, NextHop>,
    /// What runs.
    pub previous: &'a Allocation,
}

/// What the maps shall hold, and what belongs to it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the maps shall hold.
    pub image: Image,
    /// What the next build starts from, once this image is applied.
    pub allocation: Allocation,
    /// Names for the ids.
    pub catalog: Catalog,
}

/// Builds the image of the maps.
///
/// # Errors
///
/// When the maps have no room for it.
pub fn build(inputs: &Inputs<'_>) -> Result<Plan, EngineError> {
    let config = inputs.config;
    let previous = inputs.previous;
    let services = service_ids(inputs)?;
    let backends = backend_ids(inputs, &services)?;
    let used = previous.tables.values().map(|table| table.region);
    let mut builder = Builder {
        inputs,
        regions: Regions::new(inputs.limits.lookup_slots, used),
        image: Image { features: Features::default(), ..Image::default() },
        allocation: Allocation { services, backends, ..Allocation::default() },
        catalog: Catalog::default(),
    };
    for service in &config.services {
        builder.service(service)?;
    }
    builder.firewall()?;
    builder.features();
    let Builder { image, allocation, catalog, .. } = builder;
    Ok(Plan { image, allocation, catalog })
}

fn service_ids(inputs: &Inputs<'_>) -> Result<Ids<(SocketAddr, u8)>, EngineError> {
    let limit = inputs.limits.services;
    let full = |name: &str| EngineError::Full {
        what: "service",
        name: name.to_owned(),
        key: "services",
        limit,
    };
    for is_v4 in [true, false] {
        let mut family = inputs.config.services.iter().filter(|one| one.address.is_ipv4() == is_v4);
        if let Some(beyond) = family.nth(limit as usize) {
            return Err(full(&beyond.name));
        }
    }
    let key = |one: &ServiceConfig| (one.address, one.protocol.number());
    // These ids index no map: enough of them that the services of both families can be replaced all
    // at once.
    let wanted = inputs.config.services.iter().map(key);
    let assigned = inputs.previous.services.assign(wanted, limit.saturating_mul(4));
    assigned.map_err(|(address, _)| full(&address.to_string()))
}

fn backend_ids(
    inputs: &Inputs<'_>,
    services: &Ids<(SocketAddr, u8)>,
) -> Result<Ids<(u32, SocketAddr)>, EngineError> {
    let wanted = inputs.config.services.iter().flat_map(|service| {
        let id = services.get(&(service.address, service.protocol.number())).unwrap_or_default();
        service.backends.iter().map(move |backend| (id, backend.address))
    });
    let limit = inputs.limits.backends;
    inputs.previous.backends.assign(wanted, limit).map_err(|(_, address)| EngineError::Full {
        what: "backend",
        name: address.to_string(),
        key: "backends",
        limit,
    })
}

/// An image in the making.
struct Builder<'a> {
    inputs: &'a Inputs<'a>,
    regions: Regions,
    image: Image,
    allocation: Allocation,
    catalog: Catalog,
}

impl Builder<'_> {
    /// Adds a service with its backends and its lookup table.
    fn service(&mut self, config: &ServiceConfig) -> Result<(), EngineError> {
        let protocol = config.protocol.number();
        let id = self.allocation.services.get(&(config.address, protocol)).unwrap_or_default();
        let (candidates, backends) = self.backends(config, id);
        let placed = self.table(config, id, candidates)?;
        let region = placed.as_ref().map(|table| table.region);
        let value = Service {
            id,
            table_offset: region.map_or(0, |region| region.offset),
            table_size: region.map_or(0, |region| region.size),
            forward: match config.forward {
                Forward::Nat => ForwardMode::Nat,
                Forward::Dsr => ForwardMode::Dsr,
            } as u8,
            quic: u8::from(config.quic.is_some()),
            zero: [0; 2],
        };
        self.quic_configs(config, id);
        let port = Be16::new(config.address.port());
        match config.address.ip() {
            IpAddr::V4(vip) => {
                let key = ServiceKey { vip: vip.octets(), port, protocol, zero: 0 };
                self.image.services_v4.insert(key, value);
            }
            IpAddr::V6(vip) => {
                let key = ServiceKey { vip: vip.octets(), port, protocol, zero: 0 };
                self.image.services_v6.insert(key, value);
            }
        }
        if let Some(table) = placed {
            if let Some(slots) = &table.slots {
                self.image.tables.insert(table.region.offset, Arc::clone(slots));
            }
            self.allocation.tables.insert(id, table);
        }
        self.catalog.services.push(CatalogService {
            id,
            name: config.name.clone(),
            address: config.address,
            protocol: config.protocol,
            forward: config.forward,
            algorithm: config.algorithm,
            backends,
        });
        Ok(())
    }

    fn state(&self, service: &ServiceConfig, backend: &BackendConfig) -> BackendState {
        let healthy = service.health.kind == CheckKind::None
            || (self.inputs.health)(&service.name, &backend.name);
        state(backend.state, healthy)
    }

    /// Adds a service's backends; the candidates for its lookup table.
    fn backends(
        &mut self,
        service: &ServiceConfig,
        service_id: u32,
    ) -> (Vec<Candidate>, Vec<CatalogBackend>) {
        let reachable = |backend: &BackendConfig| self.inputs.next_hops.get(&backend.address.ip());
        let usable = |backend: &&BackendConfig| {
            !backend.backup
                && backend.weight > 0
                && reachable(backend).is_some()
                && self.state(service, backend) == BackendState::Healthy
        };
        let others = service.backends.iter().filter(usable).count();
        let standby = others >= service.min_healthy as usize;
        let mut candidates = Vec::new();
        let mut listed = Vec::new();
        for backend in &service.backends {
            let name = (service_id, backend.address);
            let id = self.allocation.backends.get(&name).unwrap_or_default();
            let state = self.state(service, backend);
            let next_hop = reachable(backend);
            let takes_new = backend.weight > 0 && !(backend.backup && standby);
            let flags = flags(state, takes_new, next_hop.is_some());
            if flags.contains(SERVES) {
                let seed = maglev::seed(backend.address, service.protocol.number());
                candidates.push(Candidate { id, seed, weight: u32::from(backend.weight) });
            }
            let nat = &self.inputs.config.nat;
            let value = entry(service_id, backend.address, flags, next_hop, nat);
            self.image.backends.insert(id, value);
            if let Some(server) = backend.server_id.as_deref().and_then(ServerId::new) {
                let key = QuicServerKey { service: service_id, server };
                self.image.quic_servers.insert(key, id);
            }
            listed.push(CatalogBackend {
                id,
                name: backend.name.clone(),
                address: backend.address,
                state,
                weight: backend.weight,
                backup: backend.backup,
            });
        }
        candidates.sort_unstable_by_key(|one| (one.seed, one.id));
        (candidates, listed)
    }

    /// Adds how connection ids name a service's backends.
    fn quic_configs(&mut self, config: &ServiceConfig, service: u32) {
        for one in config.quic.iter().flat_map(|quic| &quic.configs) {
            let key = one.key.as_ref().map(QuicKey::bytes);
            // Validation let no other lengths pass.
            if let Some(value) = QuicLbConfig::new(one.server_id_length, one.nonce_length, key) {
                let rotation = u32::from(one.config_rotation);
                self.image.quic_configs.insert(QuicConfigKey { service, rotation }, value);
            }
        }
    }

    /// The lookup table of these candidates: the one before if it is still right, else a new one in
    /// a free region; none without candidates.
    fn table(
        &mut self,
        service: &ServiceConfig,
        id: u32,
        candidates: Vec<Candidate>,
    ) -> Result<Option<PlacedTable>, EngineError> {
        if candidates.is_empty() {
            return Ok(None);
        }
        let size = service.table_size;
        let before = self.inputs.previous.tables.get(&id);
        let same_size = before.filter(|table| table.region.size == size);
        if let Some(table) = same_size.filter(|one| one.candidates.as_ref() == Some(&candidates)) {
            return Ok(Some(table.clone()));
        }
        let slots = maglev::build(&candidates, size);
        if let Some(table) = same_size.filter(|one| one.slots.as_deref() == Some(&slots)) {
            return Ok(Some(PlacedTable { candidates: Some(candidates), ..table.clone() }));
        }
        let region =
            self.regions.place(size, before.map(|table| table.region)).ok_or_else(|| {
                let limit = self.inputs.limits.lookup_slots;
                EngineError::NoRegion { service: service.name.clone(), size, limit }
            })?;
        let slots = Some(slots.into());
        Ok(Some(PlacedTable { region, slots, candidates: Some(candidates) }))
    }

    /// Adds the firewall's prefixes.
    fn firewall(&mut self) -> Result<(), EngineError> {
        let firewall = &self.inputs.config.firewall;
        let mut rules: Vec<(&str, &[IpNet], RuleAction)> = firewall
            .rules
            .iter()
            .map(|rule| (rule.name.as_str(), rule.source.as_slice(), rule.action))
            .collect();
        let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        if firewall.default == RuleAction::Drop {
            rules.push((DEFAULT_RULE, &everything, RuleAction::Drop));
        }
        self.allocation.rules = self.rule_ids(&rules)?;
        for (name, sources, action) in rules {
            let named = RuleName::Named(name.to_owned());
            let id = self.allocation.rules.get(&named).unwrap_or_default();
            for prefix in sources {
                self.prefix(*prefix, id, action);
            }
            self.catalog.rules.push(CatalogRule { id, name: name.to_owned(), action });
        }
        let limit = self.inputs.limits.prefixes;
        let count = self.image.prefixes_v4.len().max(self.image.prefixes_v6.len());
        if count > limit as usize {
            let name = format!("number {count} of its family");
            return Err(EngineError::Full { what: "prefix", name, key: "prefixes", limit });
        }
        Ok(())
    }

    fn rule_ids(
        &self,
        rules: &[(&str, &[IpNet], RuleAction)],
    ) -> Result<Ids<RuleName>, EngineError> {
        let mut known = self.inputs.previous.rules.clone();
        for (name, sources, _) in rules {
            let named = RuleName::Named((*name).to_owned());
            if known.get(&named).is_none() {
                let restored = &self.inputs.previous.prefixes;
                if let Some(id) = sources.iter().find_map(|source| restored.get(source)) {
                    known.rename(&RuleName::Restored(*id), named);
                }
            }
        }
        let limit = self.inputs.limits.rules;
        let wanted = rules.iter().map(|(name, ..)| RuleName::Named((*name).to_owned()));
        // One more, for the default.
        known.assign(wanted, limit.saturating_add(1)).map_err(|rule| EngineError::Full {
            what: "rule",
            name: match rule {
                RuleName::Named(name) => name,
                RuleName::Restored(id) => id.to_string(),
            },
            key: "rules",
            limit,
        })
    }

    /// Adds a prefix; a rule's own prefix of everything comes before the default's.
    fn prefix(&mut self, prefix: IpNet, rule: u32, action: RuleAction) {
        let action = match action {
            RuleAction::Pass => loadbalancer_common::RuleAction::Pass,
            RuleAction::Drop => loadbalancer_common::RuleAction::Drop,
        } as u32;
        let value = PrefixRule { rule, action };
        let length = u32::from(prefix.prefix_len());
        match prefix.network() {
            IpAddr::V4(network) => {
                self.image.prefixes_v4.entry((length, network.octets())).or_insert(value);
            }
            IpAddr::V6(network) => {
                self.image.prefixes_v6.entry((length, network.octets())).or_insert(value);
            }
        }
    }

    /// What the program is built for.
    fn features(&mut self) {
        let config = self.inputs.config;
        let ports = config.nat.ports;
        let translates = config.services.iter().any(|one| one.forward == Forward::Nat);
        let firewall = !self.image.prefixes_v4.is_empty() || !self.image.prefixes_v6.is_empty();
        self.image.features = Features {
            firewall,
            nat_port_first: if translates { ports.first } else { 0 },
            nat_port_count: if translates { ports.last - ports.first + 1 } else { 0 },
            quic: config.services.iter().any(|one| one.quic.is_some()),
        };
    }
}
