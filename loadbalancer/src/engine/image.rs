//! What the maps shall hold.

use std::{collections::BTreeMap, sync::Arc};

use loadbalancer_common::{
    AddressV4, AddressV6, Backend, PrefixRule, Service, ServiceKeyV4, ServiceKeyV6,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};

/// The whole content of the maps that userspace writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// `SERVICES_V4`.
    pub services_v4: BTreeMap<ServiceKeyV4, Service>,
    /// `SERVICES_V6`.
    pub services_v6: BTreeMap<ServiceKeyV6, Service>,
    /// `BACKENDS`, by backend id.
    pub backends: BTreeMap<u32, Backend>,
    /// Regions of `LOOKUP_TABLES`, by their offset.
    pub tables: BTreeMap<u32, Table>,
    /// `PREFIXES_V4`, by prefix length and address.
    pub prefixes_v4: BTreeMap<(u32, AddressV4), PrefixRule>,
    /// `PREFIXES_V6`, by prefix length and address.
    pub prefixes_v6: BTreeMap<(u32, AddressV6), PrefixRule>,
    /// `QUIC_SERVERS`: backend ids.
    pub quic_servers: BTreeMap<QuicServerKey, u32>,
    /// `QUIC_CONFIGS`.
    pub quic_configs: BTreeMap<QuicConfigKey, QuicLbConfig>,
    /// What the program is built for.
    pub features: Features,
}

/// The slots of one lookup table: backend ids, 0 for none.
pub type Table = Arc<[u32]>;

/// Constants of the loaded program; a change of them loads it again and replaces it atomically.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Whether any firewall prefix exists.
    pub firewall: bool,
    /// First port of the translation range, host order.
    pub nat_port_first: u16,
    /// Number of ports in the range; 0 when no service translates.
    pub nat_port_count: u16,
    /// Whether any service follows QUIC connections.
    pub quic: bool,
}
