//! Reading counters, and what an earlier daemon left in the maps.

use aya::{
    Pod,
    maps::{MapData, PerCpuArray},
};
use loadbalancer_common::{
    Backend, Counters, DropReason, Event, NO_ID, RuleCounters, Service, ServiceKeyV4, ServiceKeyV6,
};

use super::{DatapathError, Maps, maps::map_error};
use crate::engine::Image;

impl Maps {
    /// The counters of a backend, one set for each CPU.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    pub fn counters(&self, backend: u32) -> Result<Vec<Counters>, DatapathError> {
        per_cpu(&self.counters, backend, "COUNTERS")
    }

    /// The counters of a firewall rule, one set for each CPU.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    pub fn rule_counters(&self, rule: u32) -> Result<Vec<RuleCounters>, DatapathError> {
        per_cpu(&self.rule_counters, rule, "RULE_COUNTERS")
    }

    /// Dropped packets by reason, of all CPUs.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    pub fn drops(&self) -> Result<Vec<(DropReason, u64)>, DatapathError> {
        let sum = |&reason: &DropReason| Ok((reason, sum(&self.drops, reason as u32, "DROPS")?));
        DropReason::ALL.iter().map(sum).collect()
    }

    /// Other events, of all CPUs.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    pub fn events(&self) -> Result<Vec<(Event, u64)>, DatapathError> {
        let sum = |&event: &Event| Ok((event, sum(&self.events, event as u32, "EVENTS")?));
        Event::ALL.iter().map(sum).collect()
    }

    /// What the maps hold, but for the content of the lookup tables.
    ///
    /// # Errors
    ///
    /// When a map cannot be read.
    pub fn image(&self) -> Result<Image, DatapathError> {
        let mut image = Image::default();
        for entry in self.services_v4.iter() {
            let (key, service): (ServiceKeyV4, Service) = entry.map_err(read("SERVICES_V4"))?;
            image.services_v4.insert(key, service);
        }
        for entry in self.services_v6.iter() {
            let (key, service): (ServiceKeyV6, Service) = entry.map_err(read("SERVICES_V6"))?;
            image.services_v6.insert(key, service);
        }
        for (id, backend) in (0..).zip(self.backends.iter()) {
            let backend: Backend = backend.map_err(read("BACKENDS"))?;
            if backend.service != NO_ID {
                image.backends.insert(id, backend);
            }
        }
        for entry in self.prefixes_v4.iter() {
            let (key, rule) = entry.map_err(read("PREFIXES_V4"))?;
            image.prefixes_v4.insert((key.prefix_len(), key.data()), rule);
        }
        for entry in self.prefixes_v6.iter() {
            let (key, rule) = entry.map_err(read("PREFIXES_V6"))?;
            image.prefixes_v6.insert((key.prefix_len(), key.data()), rule);
        }
        Ok(image)
    }
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
