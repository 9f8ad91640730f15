//! The maps as userspace sees them.

use std::path::Path;

use aya::{
    Pod,
    maps::{Array, HashMap, LpmTrie, Map, MapData, MapError, PerCpuArray},
};
use loadbalancer_common::{
    AddressV4, AddressV6, Backend, Connection, Counters, FlowKeyV4, FlowKeyV6, PrefixRule,
    RuleCounters, Service, ServiceKeyV4, ServiceKeyV6,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};

use super::{DatapathError, batch::BatchMap, pins::Pins, tables::LookupTables};
use crate::config::Limits;

/// Names of the pinned maps, as the kernel side declares them.
pub(super) const MAPS: [&str; 17] = [
    "SERVICES_V4",
    "SERVICES_V6",
    "BACKENDS",
    "LOOKUP_TABLES",
    "CONNECTIONS_V4",
    "CONNECTIONS_V6",
    "TRANSLATIONS_V4",
    "TRANSLATIONS_V6",
    "PREFIXES_V4",
    "PREFIXES_V6",
    "COUNTERS",
    "RULE_COUNTERS",
    "DROPS",
    "EVENTS",
    "LAST_REPORT",
    "QUIC_SERVERS",
    "QUIC_CONFIGS",
];

/// Entries of a map under these limits; `None` keeps the kernel side's own number.
pub(super) fn entries(map: &str, limits: &Limits) -> Option<u32> {
    match map {
        "SERVICES_V4" | "SERVICES_V6" => Some(limits.services),
        "BACKENDS" | "COUNTERS" => Some(limits.backend_entries()),
        "LOOKUP_TABLES" => Some(limits.lookup_slots.div_ceil(2)), // elements are pairs of slots
        "CONNECTIONS_V4" | "CONNECTIONS_V6" => Some(limits.connections),
        "TRANSLATIONS_V4" | "TRANSLATIONS_V6" => Some(limits.connections.saturating_mul(2)),
        "PREFIXES_V4" | "PREFIXES_V6" => Some(limits.prefixes),
        "RULE_COUNTERS" => Some(limits.rule_entries()),
        // Twice: during a change, the old ones are there beside the new.
        "QUIC_SERVERS" => Some(limits.backends.saturating_mul(2)),
        "QUIC_CONFIGS" => Some(limits.services.saturating_mul(2)),
        _ => None,
    }
}

/// Handles of the maps that userspace reads and writes.
pub struct Maps {
    pub(super) services_v4: HashMap<MapData, ServiceKeyV4, Service>,
    pub(super) services_v6: HashMap<MapData, ServiceKeyV6, Service>,
    pub(super) backends: Array<MapData, Backend>,
    pub(super) tables: LookupTables,
    pub(super) connections_v4: BatchMap<FlowKeyV4, Connection>,
    pub(super) connections_v6: BatchMap<FlowKeyV6, Connection>,
    pub(super) prefixes_v4: LpmTrie<MapData, AddressV4, PrefixRule>,
    pub(super) prefixes_v6: LpmTrie<MapData, AddressV6, PrefixRule>,
    pub(super) counters: PerCpuArray<MapData, Counters>,
    pub(super) rule_counters: PerCpuArray<MapData, RuleCounters>,
    pub(super) drops: PerCpuArray<MapData, u64>,
    pub(super) events: PerCpuArray<MapData, u64>,
    pub(super) quic_servers: HashMap<MapData, QuicServerKey, u32>,
    pub(super) quic_configs: HashMap<MapData, QuicConfigKey, QuicLbConfig>,
}

impl Maps {
    /// Opens the pinned maps and checks that they have the shape that this build expects.
    pub(super) fn open(pins: &Pins, limits: &Limits) -> Result<Self, DatapathError> {
        let directory = pins.maps();
        Ok(Self {
            services_v4: open(&directory, "SERVICES_V4")?,
            services_v6: open(&directory, "SERVICES_V6")?,
            backends: open(&directory, "BACKENDS")?,
            tables: LookupTables::map(
                &map_data(&directory, "LOOKUP_TABLES")?,
                limits.lookup_slots,
            )?,
            connections_v4: open_batch(&directory, "CONNECTIONS_V4")?,
            connections_v6: open_batch(&directory, "CONNECTIONS_V6")?,
            prefixes_v4: open(&directory, "PREFIXES_V4")?,
            prefixes_v6: open(&directory, "PREFIXES_V6")?,
            counters: open(&directory, "COUNTERS")?,
            rule_counters: open(&directory, "RULE_COUNTERS")?,
            drops: open(&directory, "DROPS")?,
            events: open(&directory, "EVENTS")?,
            quic_servers: open(&directory, "QUIC_SERVERS")?,
            quic_configs: open(&directory, "QUIC_CONFIGS")?,
        })
    }
}

fn map_data(directory: &Path, name: &'static str) -> Result<MapData, DatapathError> {
    MapData::from_pin(directory.join(name)).map_err(map_error("open", name))
}

/// Opens a pinned map as `M`, which checks its type and the sizes of key and value.
pub(crate) fn open<M>(directory: &Path, name: &'static str) -> Result<M, DatapathError>
where
    M: TryFrom<Map, Error = MapError>,
{
    Map::from_map_data(map_data(directory, name)?)
        .and_then(M::try_from)
        .map_err(map_error("open", name))
}

fn open_batch<K: Pod, V: Pod>(
    directory: &Path,
    name: &'static str,
) -> Result<BatchMap<K, V>, DatapathError> {
    BatchMap::new(map_data(directory, name)?).map_err(map_error("open", name))
}

/// An error of a map, with what was tried.
pub(crate) fn map_error(
    action: &'static str,
    map: &'static str,
) -> impl FnOnce(MapError) -> DatapathError {
    move |source| DatapathError::Map { action, map, source: Box::new(source) }
}
