//! From one image to the next, in an order in which no packet sees half a change.
//!
//! 1. Lookup tables go to regions that no service refers to.
//! 2. Counters of new ids become 0, before anything is counted under them.
//! 3. Backends appear, and gain what they may be sent: the next tables refer to them.
//! 4. Server ids of QUIC name those backends, then configurations say how the ids are read.
//! 5. Prefixes appear or change, those that pass first: an exception is there before its rule.
//! 6. The program learns what the next services need.
//! 7. Services switch to their tables, each in one write.
//! 8. Backends lose what they may be sent: no table refers to those any more.
//! 9. What is gone is removed: services, then prefixes (those that drop first), then configurations
//!    and server ids of QUIC, then backends.
//! 10. The program forgets what nothing needs any more.
//!
//! A packet that read a service before step 7 may read its old table for some microseconds more;
//! that stays as it was until the next change at the earliest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use loadbalancer_common::{
    AddressV4, AddressV6, Backend, PrefixRule, RuleAction, Service, ServiceKeyV4, ServiceKeyV6,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};

use super::{Features, Image, Table};

/// What to do to the maps, field by field in the order in which they stand here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Tables to write: first slot, slots.
    pub tables: Vec<(u32, Table)>,
    /// Backends whose counters to set to 0 on every CPU.
    pub new_backends: Vec<u32>,
    /// Rules whose counters to set to 0 on every CPU.
    pub new_rules: Vec<u32>,
    /// Entries of `BACKENDS` to set before services switch.
    pub backends: Vec<(u32, Backend)>,
    /// Entries of `QUIC_SERVERS` to set.
    pub quic_servers: Vec<(QuicServerKey, u32)>,
    /// Entries of `QUIC_CONFIGS` to set.
    pub quic_configs: Vec<(QuicConfigKey, QuicLbConfig)>,
    /// Entries of `PREFIXES_V4` to set: prefix length and address.
    pub prefixes_v4: Vec<((u32, AddressV4), PrefixRule)>,
    /// Entries of `PREFIXES_V6` to set.
    pub prefixes_v6: Vec<((u32, AddressV6), PrefixRule)>,
    /// What the program shall be built for from here on: what either image needs.
    pub features: Option<Features>,
    /// Entries of `SERVICES_V4` to set.
    pub services_v4: Vec<(ServiceKeyV4, Service)>,
    /// Entries of `SERVICES_V6` to set.
    pub services_v6: Vec<(ServiceKeyV6, Service)>,
    /// Entries of `BACKENDS` to set after services switched.
    pub backends_after: Vec<(u32, Backend)>,
    /// Entries of `SERVICES_V4` to remove.
    pub removed_services_v4: Vec<ServiceKeyV4>,
    /// Entries of `SERVICES_V6` to remove.
    pub removed_services_v6: Vec<ServiceKeyV6>,
    /// Entries of `PREFIXES_V4` to remove.
    pub removed_prefixes_v4: Vec<(u32, AddressV4)>,
    /// Entries of `PREFIXES_V6` to remove.
    pub removed_prefixes_v6: Vec<(u32, AddressV6)>,
    /// Entries of `QUIC_CONFIGS` to remove.
    pub removed_quic_configs: Vec<QuicConfigKey>,
    /// Entries of `QUIC_SERVERS` to remove.
    pub removed_quic_servers: Vec<QuicServerKey>,
    /// Entries of `BACKENDS` to set to [`Backend::UNUSED`].
    pub removed_backends: Vec<u32>,
    /// What the program shall be built for in the end.
    pub features_after: Option<Features>,
}

impl Changes {
    /// What leads from one image to the next. Both are of one line of allocations, so that no table
    /// of `new` lies where one of `old` is in use.
    pub fn between(old: &Image, new: &Image) -> Self {
        let lost = |id: &u32, entry: &Backend| {
            old.backends.get(id).is_some_and(|before| !entry.flags.permit(before.flags))
        };
        let (backends_after, backends) = changed(&old.backends, &new.backends)
            .into_iter()
            .partition(|(id, entry)| lost(id, entry));
        let both = needs_of_both(old.features, new.features);
        Self {
            tables: changed_tables(old, new),
            new_backends: appeared(&old.backends, &new.backends),
            new_rules: rules(new).difference(&rules(old)).copied().collect(),
            backends,
            quic_servers: changed(&old.quic_servers, &new.quic_servers),
            quic_configs: changed(&old.quic_configs, &new.quic_configs),
            prefixes_v4: passing_first(changed(&old.prefixes_v4, &new.prefixes_v4)),
            prefixes_v6: passing_first(changed(&old.prefixes_v6, &new.prefixes_v6)),
            features: (both != old.features).then_some(both),
            services_v4: changed(&old.services_v4, &new.services_v4),
            services_v6: changed(&old.services_v6, &new.services_v6),
            backends_after,
            removed_services_v4: appeared(&new.services_v4, &old.services_v4),
            removed_services_v6: appeared(&new.services_v6, &old.services_v6),
            removed_prefixes_v4: gone_prefixes(&old.prefixes_v4, &new.prefixes_v4),
            removed_prefixes_v6: gone_prefixes(&old.prefixes_v6, &new.prefixes_v6),
            removed_quic_configs: appeared(&new.quic_configs, &old.quic_configs),
            removed_quic_servers: appeared(&new.quic_servers, &old.quic_servers),
            removed_backends: appeared(&new.backends, &old.backends),
            features_after: (both != new.features).then_some(new.features),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts for a log line, such as "1 table, 2 backends set"; "nothing" when nothing is to do.
impl fmt::Display for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes = self.prefixes_v4.len() + self.prefixes_v6.len();
        let removed_prefixes = self.removed_prefixes_v4.len() + self.removed_prefixes_v6.len();
        let removed_services = self.removed_services_v4.len() + self.removed_services_v6.len();
        let features = self.features.iter().chain(&self.features_after).count();
        let counts = [
            ("tables written", self.tables.len()),
            ("backends set", self.backends.len() + self.backends_after.len()),
            ("server ids set", self.quic_servers.len()),
            ("QUIC configurations set", self.quic_configs.len()),
            ("prefixes set", prefixes),
            ("services set", self.services_v4.len() + self.services_v6.len()),
            ("services removed", removed_services),
            ("prefixes removed", removed_prefixes),
            ("QUIC configurations removed", self.removed_quic_configs.len()),
            ("server ids removed", self.removed_quic_servers.len()),
            ("backends removed", self.removed_backends.len()),
            ("program replacements", features),
        ];
        let mut separator = "";
        for (what, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            write!(formatter, "{separator}{count} {what}")?;
            separator = ", ";
        }
        if separator.is_empty() { formatter.write_str("nothing") } else { Ok(()) }
    }
}

/// The entries of `new` that `old` does not have like this.
fn changed<K: Ord + Copy, V: PartialEq + Copy>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
) -> Vec<(K, V)> {
    let differs = |(key, value): &(&K, &V)| old.get(key) != Some(value);
    new.iter().filter(differs).map(|(key, value)| (*key, *value)).collect()
}

/// The keys of `new` that `old` does not have.
fn appeared<K: Ord + Copy, V>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> Vec<K> {
    new.keys().filter(|key| !old.contains_key(key)).copied().collect()
}

fn changed_tables(old: &Image, new: &Image) -> Vec<(u32, Table)> {
    let same = |offset: &u32, table: &Table| {
        let before = old.tables.get(offset);
        before.is_some_and(|before| Arc::ptr_eq(before, table) || before == table)
    };
    let changed = new.tables.iter().filter(|(offset, table)| !same(offset, table));
    changed.map(|(offset, table)| (*offset, Arc::clone(table))).collect()
}

fn rules(image: &Image) -> BTreeSet<u32> {
    let v4 = image.prefixes_v4.values();
    v4.chain(image.prefixes_v6.values()).map(|rule| rule.rule).collect()
}

const fn passes(rule: PrefixRule) -> bool {
    rule.action == RuleAction::Pass as u32
}

fn passing_first<K>(mut prefixes: Vec<(K, PrefixRule)>) -> Vec<(K, PrefixRule)> {
    prefixes.sort_by_key(|(_, rule)| !passes(*rule));
    prefixes
}

/// Prefixes to remove, those that drop first.
fn gone_prefixes<K: Ord + Copy>(
    old: &BTreeMap<K, PrefixRule>,
    new: &BTreeMap<K, PrefixRule>,
) -> Vec<K> {
    let mut gone = appeared(new, old);
    gone.sort_by_key(|key| old.get(key).is_some_and(|rule| passes(*rule)));
    gone
}

/// What a program needs that serves either image; of two port ranges, the new one.
const fn needs_of_both(old: Features, new: Features) -> Features {
    let nat = if new.nat_port_count > 0 { new } else { old };
    Features {
        firewall: old.firewall || new.firewall,
        nat_port_first: nat.nat_port_first,
        nat_port_count: nat.nat_port_count,
        quic: old.quic || new.quic,
    }
}
