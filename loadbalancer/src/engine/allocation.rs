//! What must outlive a change: ids, and where lookup tables lie.

use std::{collections::HashMap, net::SocketAddr};

use ipnet::IpNet;
use loadbalancer_common::{PrefixRule, Service};

use super::{Image, Table, backend, ids::Ids, regions::Region};
use crate::maglev::Candidate;

/// The key of a service: VIP, port and IP protocol number.
pub(super) type ServiceName = (SocketAddr, u8);
/// The key of a backend: id of its service, address and port.
pub(super) type BackendName = (u32, SocketAddr);

/// The key of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum RuleName {
    /// By its name in the configuration.
    Named(String),
    /// By its id in pinned maps, which hold no names.
    Restored(u32),
}

/// The lookup table of a service.
#[derive(Clone, Debug)]
pub(super) struct PlacedTable {
    /// Where it lies.
    pub(super) region: Region,
    /// What it holds; unknown when the pinned maps were not read that far.
    pub(super) slots: Option<Table>,
    /// What it was built from, in the order of their seeds; unknown after a restart.
    pub(super) candidates: Option<Vec<Candidate>>,
}

/// Ids of services, backends and rules, and the regions of lookup tables.
///
/// Each [`super::build()`] takes the one before and makes the next: what stays keeps its id and, if
/// its candidates stay, its table. Memory: besides the ids, one reference to each table.
#[derive(Clone, Debug, Default)]
pub struct Allocation {
    pub(super) services: Ids<ServiceName>,
    pub(super) backends: Ids<BackendName>,
    pub(super) rules: Ids<RuleName>,
    /// By service id.
    pub(super) tables: HashMap<u32, PlacedTable>,
    /// The rule that a prefix belonged to in the pinned maps.
    pub(super) prefixes: HashMap<IpNet, u32>,
}

impl Allocation {
    /// The id of a backend, by the address and protocol of its service and its own address.
    pub fn backend_id(
        &self,
        service: SocketAddr,
        protocol: u8,
        backend: SocketAddr,
    ) -> Option<u32> {
        let service = self.services.get(&(service, protocol))?;
        self.backends.get(&(service, backend))
    }

    /// What maps hold that another daemon filled. `image.tables` may lack tables: those are built
    /// anew, elsewhere; the others stay where they are if their content is still right. A rule
    /// keeps its id, and so its counters, if one of its prefixes is in the maps.
    pub fn restored(image: &Image) -> Self {
        let v4 = image
            .services_v4
            .iter()
            .map(|(key, service)| (((key.vip, key.port.get()).into(), key.protocol), *service));
        let v6 = image
            .services_v6
            .iter()
            .map(|(key, service)| (((key.vip, key.port.get()).into(), key.protocol), *service));
        let services: Vec<(ServiceName, Service)> = v4.chain(v6).collect();
        let backends = image.backends.iter().filter_map(|(id, entry)| {
            let address = backend::address(entry)?;
            (entry.service != 0).then_some(((entry.service, address), *id))
        });
        let prefixes = restored_prefixes(image);
        Self {
            services: Ids::restored(services.iter().map(|(name, service)| (*name, service.id))),
            backends: Ids::restored(backends),
            rules: Ids::restored(prefixes.values().map(|id| (RuleName::Restored(*id), *id))),
            tables: services.iter().filter_map(|(_, one)| restored_table(image, one)).collect(),
            prefixes,
        }
    }
}

fn restored_prefixes(image: &Image) -> HashMap<IpNet, u32> {
    let prefix = |length: u32, address: std::net::IpAddr, rule: &PrefixRule| {
        let prefix = IpNet::new(address, u8::try_from(length).ok()?).ok()?;
        Some((prefix, rule.rule))
    };
    let v4 = image.prefixes_v4.iter();
    let v6 = image.prefixes_v6.iter();
    v4.filter_map(|(&(length, address), rule)| prefix(length, address.into(), rule))
        .chain(v6.filter_map(|(&(length, address), rule)| prefix(length, address.into(), rule)))
        .collect()
}

fn restored_table(image: &Image, service: &Service) -> Option<(u32, PlacedTable)> {
    let region = Region { offset: service.table_offset, size: service.table_size };
    let slots = image.tables.get(&region.offset);
    let whole = slots.filter(|slots| u32::try_from(slots.len()) == Ok(region.size));
    let table = PlacedTable { region, slots: whole.cloned(), candidates: None };
    (region.size > 0).then_some((service.id, table))
}
