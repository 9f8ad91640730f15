//! What was counted, read from the pinned maps.

use std::{collections::BTreeMap, path::Path};

use aya::{
    Pod,
    maps::{MapData, PerCpuArray},
};
use loadbalancer_common::{DecapCounters, DecapDrop, DecapPass, TunnelKind};
use serde::Serialize;

use super::{DecapError, kernel::maps_directory};
use crate::{
    datapath::{DatapathError, LinkPin, links, map_error, open_map},
    stats::InterfaceStatus,
};

/// `decap stats --json`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecapStats {
    /// Where the program is attached.
    pub interfaces: Vec<InterfaceStatus>,
    /// Packets that were taken out, by the kind of their tunnel.
    pub decapsulated: BTreeMap<&'static str, KindStats>,
    /// Encapsulated packets that were dropped, by reason.
    pub drops: BTreeMap<&'static str, u64>,
    /// Encapsulated packets that were passed to the host as they were, by reason.
    pub passed: BTreeMap<&'static str, u64>,
}

/// Counters of a kind of tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindStats {
    /// Packets.
    pub packets: u64,
    /// Bytes of their frames after decapsulation, Ethernet headers included.
    pub bytes: u64,
}

/// Reads what the program whose maps are pinned below `pin_directory` has counted.
///
/// # Errors
///
/// When nothing is pinned there, or the maps cannot be read.
pub fn read_stats(pin_directory: &Path) -> Result<DecapStats, DecapError> {
    let maps = pin_directory.join(maps_directory());
    if !maps.is_dir() {
        return Err(DecapError::NotSetUp { path: pin_directory.to_owned() });
    }
    let decapsulated =
        counters(&maps, "DECAPSULATED", TunnelKind::ALL, |kind| (*kind as u32, kind.name()))?;
    let drops = counters(&maps, "DECAP_DROPS", DecapDrop::ALL, |drop| (*drop as u32, drop.name()))?;
    let passed =
        counters(&maps, "DECAP_PASSES", DecapPass::ALL, |pass| (*pass as u32, pass.name()))?;
    Ok(DecapStats {
        interfaces: links(pin_directory)?.into_iter().map(interface).collect(),
        decapsulated: summed(decapsulated, |sum: &mut KindStats, one: DecapCounters| {
            sum.packets = sum.packets.wrapping_add(one.packets);
            sum.bytes = sum.bytes.wrapping_add(one.bytes);
        }),
        drops: summed(drops, add),
        passed: summed(passed, add),
    })
}

fn add(sum: &mut u64, one: u64) {
    *sum = sum.wrapping_add(one);
}

fn interface(link: LinkPin) -> InterfaceStatus {
    let LinkPin { ifindex, interface, mode } = link;
    InterfaceStatus { name: interface.unwrap_or_else(|| format!("index {ifindex}")), mode }
}

/// The counters of each CPU, by name.
type PerCpu<V> = Vec<(&'static str, Vec<V>)>;

fn counters<V: Pod, T>(
    maps: &Path,
    map: &'static str,
    all: &[T],
    identify: impl Fn(&T) -> (u32, &'static str),
) -> Result<PerCpu<V>, DatapathError> {
    let array: PerCpuArray<MapData, V> = open_map(maps, map)?;
    let read = |one: &T| {
        let (number, name) = identify(one);
        let values = array.get(&number, 0).map_err(map_error("read", map))?;
        Ok((name, values.to_vec()))
    };
    all.iter().map(read).collect()
}

fn summed<V, S: Default>(
    counters: PerCpu<V>,
    add: impl Fn(&mut S, V),
) -> BTreeMap<&'static str, S> {
    let sum = |values: Vec<V>| {
        let mut sum = S::default();
        for value in values {
            add(&mut sum, value);
        }
        sum
    };
    counters.into_iter().map(|(name, values)| (name, sum(values))).collect()
}
