//! Writing to the maps.

use aya::maps::{LpmTrie, MapData, MapError, PerCpuArray, PerCpuValues, lpm_trie::Key};
use loadbalancer_common::{
    AddressV4, AddressV6, Backend, Counters, PrefixRule, RuleCounters, Service, ServiceKeyV4,
    ServiceKeyV6,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};

use super::{DatapathError, Maps, maps::map_error};
use crate::engine::Changes;

impl Maps {
    /// What nothing refers to yet: tables, counters, backends, server ids, prefixes.
    pub(super) fn prepare(&mut self, changes: &Changes) -> Result<(), DatapathError> {
        for (offset, slots) in &changes.tables {
            self.set_table(*offset, slots)?;
        }
        for backend in &changes.new_backends {
            self.zero_counters(*backend)?;
        }
        for rule in &changes.new_rules {
            self.zero_rule_counters(*rule)?;
        }
        for (id, backend) in &changes.backends {
            self.set_backend(*id, *backend)?;
        }
        for (key, backend) in &changes.quic_servers {
            self.set_quic_server(key, Some(*backend))?;
        }
        for (key, config) in &changes.quic_configs {
            self.set_quic_config(*key, Some(config))?;
        }
        for ((length, prefix), rule) in &changes.prefixes_v4 {
            self.set_prefix_v4(*length, *prefix, Some(*rule))?;
        }
        for ((length, prefix), rule) in &changes.prefixes_v6 {
            self.set_prefix_v6(*length, *prefix, Some(*rule))?;
        }
        Ok(())
    }

    /// Services switch to what was prepared; then what they no longer need goes.
    pub(super) fn switch(&mut self, changes: &Changes) -> Result<(), DatapathError> {
        for (key, service) in &changes.services_v4 {
            self.set_service_v4(*key, Some(*service))?;
        }
        for (key, service) in &changes.services_v6 {
            self.set_service_v6(key, Some(*service))?;
        }
        for (id, backend) in &changes.backends_after {
            self.set_backend(*id, *backend)?;
        }
        for key in &changes.removed_services_v4 {
            self.set_service_v4(*key, None)?;
        }
        for key in &changes.removed_services_v6 {
            self.set_service_v6(key, None)?;
        }
        for (length, prefix) in &changes.removed_prefixes_v4 {
            self.set_prefix_v4(*length, *prefix, None)?;
        }
        for (length, prefix) in &changes.removed_prefixes_v6 {
            self.set_prefix_v6(*length, *prefix, None)?;
        }
        for key in &changes.removed_quic_configs {
            self.set_quic_config(*key, None)?;
        }
        for key in &changes.removed_quic_servers {
            self.set_quic_server(key, None)?;
        }
        for id in &changes.removed_backends {
            self.set_backend(*id, Backend::UNUSED)?;
        }
        Ok(())
    }

    /// Sets or removes an IPv4 service.
    fn set_service_v4(
        &mut self,
        key: ServiceKeyV4,
        service: Option<Service>,
    ) -> Result<(), DatapathError> {
        match service {
            Some(service) => self.services_v4.insert(key, service, 0),
            None => absent_is_removed(self.services_v4.remove(&key)),
        }
        .map_err(map_error("write", "SERVICES_V4"))
    }

    /// Sets or removes an IPv6 service.
    fn set_service_v6(
        &mut self,
        key: &ServiceKeyV6,
        service: Option<Service>,
    ) -> Result<(), DatapathError> {
        match service {
            Some(service) => self.services_v6.insert(key, service, 0),
            None => absent_is_removed(self.services_v6.remove(key)),
        }
        .map_err(map_error("write", "SERVICES_V6"))
    }

    /// Sets a backend.
    fn set_backend(&mut self, id: u32, backend: Backend) -> Result<(), DatapathError> {
        self.backends.set(id, backend, 0).map_err(map_error("write", "BACKENDS"))
    }

    /// Sets or removes the backend that a server id names.
    fn set_quic_server(
        &mut self,
        key: &QuicServerKey,
        backend: Option<u32>,
    ) -> Result<(), DatapathError> {
        match backend {
            Some(backend) => self.quic_servers.insert(key, backend, 0),
            None => absent_is_removed(self.quic_servers.remove(key)),
        }
        .map_err(map_error("write", "QUIC_SERVERS"))
    }

    /// Sets or removes how a service's connection ids are read.
    fn set_quic_config(
        &mut self,
        key: QuicConfigKey,
        config: Option<&QuicLbConfig>,
    ) -> Result<(), DatapathError> {
        match config {
            Some(config) => self.quic_configs.insert(key, config, 0),
            None => absent_is_removed(self.quic_configs.remove(&key)),
        }
        .map_err(map_error("write", "QUIC_CONFIGS"))
    }

    /// Writes a lookup table to a region that no service points to.
    fn set_table(&mut self, offset: u32, slots: &[u32]) -> Result<(), DatapathError> {
        if self.tables.write(offset, slots) {
            return Ok(());
        }
        let error = MapError::OutOfBounds { index: offset, max_entries: self.tables.slots() };
        Err(map_error("write", "LOOKUP_TABLES")(error))
    }

    /// Sets or removes an IPv4 firewall prefix.
    fn set_prefix_v4(
        &mut self,
        length: u32,
        prefix: AddressV4,
        rule: Option<PrefixRule>,
    ) -> Result<(), DatapathError> {
        set_prefix(&mut self.prefixes_v4, length, prefix, rule)
            .map_err(map_error("write", "PREFIXES_V4"))
    }

    /// Sets or removes an IPv6 firewall prefix.
    fn set_prefix_v6(
        &mut self,
        length: u32,
        prefix: AddressV6,
        rule: Option<PrefixRule>,
    ) -> Result<(), DatapathError> {
        set_prefix(&mut self.prefixes_v6, length, prefix, rule)
            .map_err(map_error("write", "PREFIXES_V6"))
    }

    /// Sets the counters of a backend to zero, before its id is used.
    fn zero_counters(&mut self, backend: u32) -> Result<(), DatapathError> {
        zero::<Counters>(&mut self.counters, backend).map_err(map_error("write", "COUNTERS"))
    }

    /// Sets the counters of a firewall rule to zero, before its id is used.
    fn zero_rule_counters(&mut self, rule: u32) -> Result<(), DatapathError> {
        zero::<RuleCounters>(&mut self.rule_counters, rule)
            .map_err(map_error("write", "RULE_COUNTERS"))
    }
}

fn set_prefix<A: aya::Pod>(
    map: &mut LpmTrie<MapData, A, PrefixRule>,
    length: u32,
    prefix: A,
    rule: Option<PrefixRule>,
) -> Result<(), MapError> {
    let key = Key::new(length, prefix);
    match rule {
        Some(rule) => map.insert(&key, rule, 0),
        None => absent_is_removed(map.remove(&key)),
    }
}

/// Removing what is not there leaves what was wanted.
fn absent_is_removed(result: Result<(), MapError>) -> Result<(), MapError> {
    match result {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
        {
            Ok(())
        }
        other => other,
    }
}

fn zero<V: aya::Pod + Default>(
    map: &mut PerCpuArray<MapData, V>,
    index: u32,
) -> Result<(), MapError> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    let zeros = PerCpuValues::try_from(vec![V::default(); cpus]).map_err(MapError::IoError)?;
    map.set(index, zeros, 0)
}
