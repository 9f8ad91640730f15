//! From counters by id to what users read.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use loadbalancer_common::{Counters, DropReason, Event, RuleCounters};

use super::{
    BackendStats, Catalog, CatalogBackend, CatalogRule, CatalogService, CpuCounters,
    InterfaceStatus, Rates, RuleStats, Sampler, ServiceStats, Source, SourceError, Stats,
    sampler::total,
};
use crate::config::RuleAction;

/// Under this name the packets that rules dropped stand among the drops.
const FIREWALL: &str = "firewall";

/// When and of what process statistics are taken.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The time of the reading.
    pub now: Instant,
    /// Since the daemon started.
    pub uptime: Duration,
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// With the counters of each CPU.
    pub per_cpu: bool,
}

/// Reads every counter in the catalog.
///
/// A service's counters and rates are the sums of its backends', so both agree in every reading.
///
/// # Errors
///
/// When counters cannot be read.
pub fn collect(
    catalog: &Catalog,
    source: &dyn Source,
    sampler: &Sampler,
    moment: Moment,
) -> Result<Stats, SourceError> {
    let reading = Reading { source, sampler, active: source.active_connections()?, moment };
    let mut services = Vec::with_capacity(catalog.services.len());
    for service in &catalog.services {
        services.push(reading.service(service)?);
    }
    let mut firewall = Vec::with_capacity(catalog.rules.len());
    for rule in &catalog.rules {
        firewall.push(reading.rule(rule)?);
    }
    let mut drops = named(DropReason::ALL.iter().map(|reason| reason.name()), &source.drops()?);
    let dropping = firewall.iter().filter(|rule| rule.action == RuleAction::Drop);
    drops.insert(FIREWALL.to_owned(), dropping.map(|rule| rule.packets).sum());
    let Moment { uptime, interfaces, .. } = reading.moment;
    Ok(Stats { uptime_seconds: uptime.as_secs_f64(), interfaces, services, firewall, drops })
}

/// Rare events of the packet path by name, for `status`.
///
/// # Errors
///
/// When the map cannot be read.
pub fn events(source: &dyn Source) -> Result<BTreeMap<String, u64>, SourceError> {
    Ok(named(Event::ALL.iter().map(|event| event.name()), &source.events()?))
}

/// A count for every name; 0 for those that a shorter, older map has no count of.
fn named(names: impl Iterator<Item = &'static str>, counts: &[u64]) -> BTreeMap<String, u64> {
    let counts = counts.iter().copied().chain(std::iter::repeat(0));
    names.map(str::to_owned).zip(counts).collect()
}

struct Reading<'a> {
    source: &'a dyn Source,
    sampler: &'a Sampler,
    active: HashMap<u32, u64>,
    moment: Moment,
}

impl Reading<'_> {
    fn service(&self, service: &CatalogService) -> Result<ServiceStats, SourceError> {
        let mut sums: Vec<Counters> = Vec::new();
        let mut rates = Rates::default();
        let mut backends = Vec::with_capacity(service.backends.len());
        for backend in &service.backends {
            let per_cpu = self.source.counters(backend.id)?;
            sums.resize(sums.len().max(per_cpu.len()), Counters::default());
            sums.iter_mut().zip(&per_cpu).for_each(|(sum, counters)| sum.add(counters));
            let backend = self.backend(backend, &per_cpu);
            rates.add(&backend.rates);
            backends.push(backend);
        }
        let total = total(&sums);
        Ok(ServiceStats {
            name: service.name.clone(),
            address: service.address.to_string(),
            protocol: service.protocol,
            forward: service.forward,
            algorithm: service.algorithm,
            packets: total.packets,
            bytes: total.bytes,
            connections: total.connections,
            queries: total.queries,
            rates,
            per_cpu: self.per_cpu(&sums),
            backends,
        })
    }

    fn backend(&self, backend: &CatalogBackend, per_cpu: &[Counters]) -> BackendStats {
        let total = total(per_cpu);
        BackendStats {
            name: backend.name.clone(),
            address: backend.address.to_string(),
            state: backend.state,
            weight: backend.weight,
            backup: backend.backup,
            active_connections: self.active.get(&backend.id).copied().unwrap_or_default(),
            packets: total.packets,
            bytes: total.bytes,
            connections: total.connections,
            queries: total.queries,
            rates: self.sampler.rates(self.moment.now, backend.id, &total),
            per_cpu: self.per_cpu(per_cpu),
        }
    }

    fn rule(&self, rule: &CatalogRule) -> Result<RuleStats, SourceError> {
        let mut total = RuleCounters::default();
        for counters in &self.source.rule_counters(rule.id)? {
            total.add(counters);
        }
        Ok(RuleStats {
            rule: rule.name.clone(),
            action: rule.action,
            packets: total.packets,
            bytes: total.bytes,
        })
    }

    fn per_cpu(&self, counters: &[Counters]) -> Option<Vec<CpuCounters>> {
        let numbered = |(cpu, counters): (usize, &Counters)| CpuCounters {
            cpu,
            packets: counters.packets,
            bytes: counters.bytes,
            connections: counters.connections,
            queries: counters.queries,
        };
        self.moment.per_cpu.then(|| counters.iter().enumerate().map(numbered).collect())
    }
}

impl Rates {
    fn add(&mut self, other: &Self) {
        self.packets_per_second += other.packets_per_second;
        self.bits_per_second += other.bits_per_second;
        self.connections_per_second += other.connections_per_second;
        self.queries_per_second += other.queries_per_second;
    }
}
