//! Reading counters, and what an earlier daemon left in the maps.

use std::collections::HashMap;

use aya::{
    Pod,
    maps::{MapData, PerCpuArray},
};
use loadbalancer_common::{
    Backend, Counters, DropReason, Event, NO_ID, RuleCounters, Service, ServiceKeyV4, ServiceKeyV6,
};

use super::{DatapathError, Maps, maps::map_error};
use crate::{
    engine::Image,
    stats::{Source, SourceError},
};

impl Source for Maps {
    fn counters(&self, backend: u32) -> Result<Vec<Counters>, SourceError> {
        per_cpu(&self.counters, backend, "COUNTERS").map_err(of(format!("backend {backend}")))
    }

    fn rule_counters(&self, rule: u32) -> Result<Vec<RuleCounters>, SourceError> {
        per_cpu(&self.rule_counters, rule, "RULE_COUNTERS").map_err(of(format!("rule {rule}")))
    }

    fn drops(&self) -> Result<Vec<u64>, SourceError> {
        let sum = |reason: &DropReason| sum(&self.drops, *reason as u32, "DROPS");
        DropReason::ALL.iter().map(sum).collect::<Result<_, _>>().map_err(of("drops"))
    }

    fn events(&self) -> Result<Vec<u64>, SourceError> {
        let sum = |event: &Event| sum(&self.events, *event as u32, "EVENTS");
        Event::ALL.iter().map(sum).collect::<Result<_, _>>().map_err(of("events"))
    }

    fn active_connections(&self) -> Result<HashMap<u32, u64>, SourceError> {
        self.count_active().map_err(of("active connections"))
    }
}

impl Maps {
    /// What the maps hold, but for the content of the lookup tables.
    ///
    /// # Errors
    ///
    /// When a map cannot be read.
    pub fn image(&self) -> Result<Image, DatapathError> {
        let mut image = Image::default();
        for entry in &self.services_v4 {
            let (key, service): (ServiceKeyV4, Service) = entry.map_err(read("SERVICES_V4"))?;
            image.services_v4.insert(key, service);
        }
        for entry in &self.services_v6 {
            let (key, service): (ServiceKeyV6, Service) = entry.map_err(read("SERVICES_V6"))?;
            image.services_v6.insert(key, service);
        }
        for (id, backend) in (0..).zip(self.backends.iter()) {
            let backend: Backend = backend.map_err(read("BACKENDS"))?;
            if backend.service != NO_ID {
                image.backends.insert(id, backend);
            }
        }
        for entry in &self.prefixes_v4 {
            let (key, rule) = entry.map_err(read("PREFIXES_V4"))?;
            image.prefixes_v4.insert((key.prefix_len(), key.data()), rule);
        }
        for entry in &self.prefixes_v6 {
            let (key, rule) = entry.map_err(read("PREFIXES_V6"))?;
            image.prefixes_v6.insert((key.prefix_len(), key.data()), rule);
        }
        for entry in &self.quic_servers {
            let (key, backend) = entry.map_err(read("QUIC_SERVERS"))?;
            image.quic_servers.insert(key, backend);
        }
        for entry in &self.quic_configs {
            let (key, config) = entry.map_err(read("QUIC_CONFIGS"))?;
            image.quic_configs.insert(key, config);
        }
        Ok(image)
    }
}

fn of(what: impl Into<String>) -> impl FnOnce(DatapathError) -> SourceError {
    let what = format!("the counters of {}", what.into());
    move |error| SourceError { what, source: Box::new(error) }
}

fn read(map: &'static str) -> impl FnOnce(aya::maps::MapError) -> DatapathError {
    map_error("read", map)
}

fn per_cpu<V: Pod>(
    map: &PerCpuArray<MapData, V>,
    index: u32,
    name: &'static str,
) -> Result<Vec<V>, DatapathError> {
    map.get(&index, 0).map(|values| values.to_vec()).map_err(read(name))
}

fn sum(
    map: &PerCpuArray<MapData, u64>,
    index: u32,
    name: &'static str,
) -> Result<u64, DatapathError> {
    Ok(per_cpu(map, index, name)?.iter().fold(0, |sum, value| sum.wrapping_add(*value)))
}
