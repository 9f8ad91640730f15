//! Maps as a packet sees them, after every single write.

use std::collections::BTreeMap;

use loadbalancer_common::{
    Backend, BackendFlags, PrefixRule, Service,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};
use proptest::{prelude::*, test_runner::TestCaseError};

use crate::engine::{Changes, Features, Image};

/// Keys as bytes, so that one code serves both families.
type Key = Vec<u8>;

/// The maps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Maps {
    pub(super) services: BTreeMap<Key, Service>,
    backends: Vec<Backend>,
    slots: Vec<u32>,
    prefixes: BTreeMap<(u32, Key), PrefixRule>,
    quic_servers: BTreeMap<QuicServerKey, u32>,
    quic_configs: BTreeMap<QuicConfigKey, QuicLbConfig>,
    features: Features,
}

impl Maps {
    pub(super) fn new(slots: u32, backends: u32) -> Self {
        Self {
            services: BTreeMap::new(),
            backends: vec![Backend::UNUSED; backends as usize + 1],
            slots: vec![0; slots as usize],
            prefixes: BTreeMap::new(),
            quic_servers: BTreeMap::new(),
            quic_configs: BTreeMap::new(),
            features: Features::default(),
        }
    }

    /// Whether every packet finds what it needs: a service's slots lead to backends of its own that
    /// take new flows and can be reached, and the program knows what services need.
    fn check(&self) -> Result<(), TestCaseError> {
        for service in self.services.values() {
            let region =
                service.table_offset as usize..(service.table_offset + service.table_size) as usize;
            for id in &self.slots[region] {
                let backend = &self.backends[*id as usize];
                prop_assert_eq!(backend.service, service.id, "backend {}", id);
                prop_assert_eq!(backend.flags, BackendFlags(7), "backend {}", id);
            }
            prop_assert!(service.forward != 0 || self.features.nat_port_count > 0);
            prop_assert!(service.quic == 0 || self.features.quic);
            let key = |rotation| QuicConfigKey { service: service.id, rotation };
            prop_assert!(service.quic == 0 || self.quic_configs.contains_key(&key(0)));
        }
        // Whoever a connection id names is there, and of the service that the packet is for.
        for (key, backend) in &self.quic_servers {
            prop_assert_eq!(self.backends[*backend as usize].service, key.service);
        }
        prop_assert!(self.features.firewall || self.prefixes.is_empty());
        Ok(())
    }

    /// Whether the maps hold an image, and nothing else.
    fn check_equal(&self, image: &Image) -> Result<(), TestCaseError> {
        let mut wanted = Self {
            slots: self.slots.clone(),
            backends: vec![Backend::UNUSED; self.backends.len()],
            ..Self::new(0, 0)
        };
        wanted.features = image.features;
        wanted.services.extend(image.services_v4.iter().map(|(key, value)| (v4(*key), *value)));
        wanted.services.extend(image.services_v6.iter().map(|(key, value)| (v6(key), *value)));
        for (id, backend) in &image.backends {
            wanted.backends[*id as usize] = *backend;
        }
        for (offset, table) in &image.tables {
            wanted.slots[*offset as usize..][..table.len()].copy_from_slice(table);
        }
        let prefixes = image.prefixes_v4.iter();
        wanted
            .prefixes
            .extend(prefixes.map(|((length, key), value)| ((*length, key.to_vec()), *value)));
        let prefixes = image.prefixes_v6.iter();
        wanted
            .prefixes
            .extend(prefixes.map(|((length, key), value)| ((*length, key.to_vec()), *value)));
        wanted.quic_servers.clone_from(&image.quic_servers);
        wanted.quic_configs.clone_from(&image.quic_configs);
        prop_assert_eq!(self, &wanted);
        Ok(())
    }

    /// Applies changes as the datapath does, with a look at the maps after each write.
    pub(super) fn apply(&mut self, changes: &Changes, image: &Image) -> Result<(), TestCaseError> {
        for (offset, table) in &changes.tables {
            for (slot, id) in (*offset as usize..).zip(table.iter()) {
                self.slots[slot] = *id;
                if slot % 5 == 0 {
                    self.check()?;
                }
            }
        }
        for (id, backend) in &changes.backends {
            self.set_backend(*id, *backend)?;
        }
        self.set_quic(changes)?;
        for ((length, key), rule) in &changes.prefixes_v4 {
            self.prefixes.insert((*length, key.to_vec()), *rule);
        }
        for ((length, key), rule) in &changes.prefixes_v6 {
            self.prefixes.insert((*length, key.to_vec()), *rule);
        }
        if let Some(features) = changes.features {
            self.features = features;
            self.check()?;
        }
        let services = changes.services_v4.iter().map(|(key, value)| (v4(*key), *value));
        for (key, value) in
            services.chain(changes.services_v6.iter().map(|(key, value)| (v6(key), *value)))
        {
            self.services.insert(key, value);
            self.check()?;
        }
        for (id, backend) in &changes.backends_after {
            self.set_backend(*id, *backend)?;
        }
        let gone = changes.removed_services_v4.iter().copied().map(v4);
        for key in gone.chain(changes.removed_services_v6.iter().map(v6)) {
            self.services.remove(&key);
            self.check()?;
        }
        for (length, key) in &changes.removed_prefixes_v4 {
            self.prefixes.remove(&(*length, key.to_vec()));
        }
        for (length, key) in &changes.removed_prefixes_v6 {
            self.prefixes.remove(&(*length, key.to_vec()));
        }
        self.remove_quic(changes)?;
        for id in &changes.removed_backends {
            self.set_backend(*id, Backend::UNUSED)?;
        }
        if let Some(features) = changes.features_after {
            self.features = features;
            self.check()?;
        }
        self.check_equal(image)
    }

    fn set_quic(&mut self, changes: &Changes) -> Result<(), TestCaseError> {
        for (key, backend) in &changes.quic_servers {
            self.quic_servers.insert(*key, *backend);
            self.check()?;
        }
        for (key, config) in &changes.quic_configs {
            self.quic_configs.insert(*key, *config);
            self.check()?;
        }
        Ok(())
    }

    fn remove_quic(&mut self, changes: &Changes) -> Result<(), TestCaseError> {
        for key in &changes.removed_quic_configs {
            self.quic_configs.remove(key);
            self.check()?;
        }
        for key in &changes.removed_quic_servers {
            self.quic_servers.remove(key);
            self.check()?;
        }
        Ok(())
    }

    fn set_backend(&mut self, id: u32, backend: Backend) -> Result<(), TestCaseError> {
        self.backends[id as usize] = backend;
        self.check()
    }
}

fn v4(key: loadbalancer_common::ServiceKeyV4) -> Key {
    [key.vip.as_slice(), &key.port.0, &[key.protocol]].concat()
}

fn v6(key: &loadbalancer_common::ServiceKeyV6) -> Key {
    [key.vip.as_slice(), &key.port.0, &[key.protocol]].concat()
}
