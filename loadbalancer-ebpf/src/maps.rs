//! Every map: who writes it, who reads it, how large it is, and what happens when it is full.
//!
//! The sizes here are defaults; the loader sets them from the configuration's limits. All maps are
//! pinned by their names, so that they outlive the daemon.

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC},
    btf_maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray},
    macros::btf_map,
};
use loadbalancer_common::{
    AddressV4, AddressV6, Backend, Connection, Counters, FlowKey, PrefixRule, RuleCounters,
    Service, ServiceKey, SlotPair, Translation, TranslationKey,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};

use crate::stages::quic::Reading;

const MAX_SERVICES: usize = 4_096;
const MAX_BACKENDS: usize = 16_384;
const MAX_SLOTS: usize = 8_388_608;
const MAX_CONNECTIONS: usize = 262_144;
const MAX_TRANSLATIONS: usize = 2 * MAX_CONNECTIONS;
const MAX_PREFIXES: usize = 65_536;
const MAX_RULES: usize = 4_096;
/// Room for reasons and events that later layouts add.
const MAX_REASONS: usize = 64;

pub(crate) type Services<A> = HashMap<ServiceKey<A>, Service, MAX_SERVICES>;
pub(crate) type Connections<A> = LruHashMap<FlowKey<A>, Connection, MAX_CONNECTIONS>;
pub(crate) type Translations<A> = LruHashMap<TranslationKey<A>, Translation<A>, MAX_TRANSLATIONS>;
pub(crate) type Scratch<A> = PerCpuArray<Translation<A>, 1>;
pub(crate) type Prefixes<A> = LpmTrie<A, PrefixRule, MAX_PREFIXES>;

/// IPv4 services by VIP, port and protocol.
///
/// Writes: the daemon, whole values. Reads: `stages::service`, once or twice a packet.
/// Full: the daemon refuses the service.
#[btf_map]
pub(crate) static SERVICES_V4: Services<AddressV4> = HashMap::new();

/// IPv6 services; as `SERVICES_V4`.
#[btf_map]
pub(crate) static SERVICES_V6: Services<AddressV6> = HashMap::new();

/// Backends by id; entry 0 is never used.
///
/// Writes: the daemon. Reads: `stages::select`, once a packet.
/// Size: 64 bytes, one cache line, an entry. Full: the daemon refuses the backend.
#[btf_map]
pub(crate) static BACKENDS: Array<Backend, MAX_BACKENDS> = Array::new();

/// The lookup tables of all services, one region each: slots that hold backend ids, two an element.
///
/// Writes: the daemon, through a memory mapping, only in regions that no service points to.
/// Reads: `stages::select`, on a flow's first packet.
/// Full: the daemon refuses the service.
/// Why one array: publishing a table is a copy and one update of its service's value.
/// Why pairs: the kernel rounds the size of an array's elements up to 8 bytes, also in the mapping.
#[btf_map]
pub(crate) static LOOKUP_TABLES: Array<SlotPair, { MAX_SLOTS / 2 }, { BPF_F_MMAPABLE as usize }> =
    Array::new();

/// IPv4 flows in progress and the backend that each one keeps.
///
/// Writes: `stages::select`. Reads: `stages::select`, once a packet; the daemon, to count them.
/// Size: 12 + 24 bytes an entry.
/// Full: an old flow is evicted; if alive, it hashes again, elsewhere if backends changed.
/// Why LRU: a flood must push entries out, not make insertion fail.
#[btf_map]
pub(crate) static CONNECTIONS_V4: Connections<AddressV4> = LruHashMap::new();

/// IPv6 flows in progress; as `CONNECTIONS_V4`, 24 + 24 bytes an entry.
#[btf_map]
pub(crate) static CONNECTIONS_V6: Connections<AddressV6> = LruHashMap::new();

/// What replies to translated IPv4 connections become, by backend and our port towards it.
///
/// Writes: `forward::nat`, for a new flow; `stages::reply` its time and state.
/// Reads: `stages::reply`, once a reply. Size: 16 + 56 bytes an entry.
/// Full: an old one is evicted. It has twice the entries of the connection table, so that a
/// connection's memory goes before the way back of its replies.
#[btf_map]
pub(crate) static TRANSLATIONS_V4: Translations<AddressV4> = LruHashMap::new();

/// The same for IPv6, 40 + 80 bytes an entry.
#[btf_map]
pub(crate) static TRANSLATIONS_V6: Translations<AddressV6> = LruHashMap::new();

/// Firewall verdicts by IPv4 source prefix.
///
/// Writes: the daemon. Reads: `stages::firewall`, once a packet while there is any rule.
/// Full: the daemon refuses the rule.
#[btf_map]
pub(crate) static PREFIXES_V4: Prefixes<AddressV4> = LpmTrie::new();

/// Firewall verdicts by IPv6 source prefix; as `PREFIXES_V4`.
#[btf_map]
pub(crate) static PREFIXES_V6: Prefixes<AddressV6> = LpmTrie::new();

/// Counters by backend id, for each CPU.
///
/// Writes: `counters`, once a forwarded packet; the daemon zeroes an id before it is used.
/// Reads: the daemon.
#[btf_map]
pub(crate) static COUNTERS: PerCpuArray<Counters, MAX_BACKENDS> = PerCpuArray::new();

/// Counters by firewall rule id, for each CPU; as `COUNTERS`.
#[btf_map]
pub(crate) static RULE_COUNTERS: PerCpuArray<RuleCounters, MAX_RULES> = PerCpuArray::new();

/// Dropped packets by `DropReason`, for each CPU.
///
/// Writes: `counters`. Reads: the daemon.
#[btf_map]
pub(crate) static DROPS: PerCpuArray<u64, MAX_REASONS> = PerCpuArray::new();

/// Other events by `Event`, for each CPU; as `DROPS`.
#[btf_map]
pub(crate) static EVENTS: PerCpuArray<u64, MAX_REASONS> = PerCpuArray::new();

/// When each CPU last wrote to the log, in ns: the bound on its rate.
///
/// Writes and reads: `report`.
#[btf_map]
pub(crate) static LAST_REPORT: PerCpuArray<u64, 1> = PerCpuArray::new();

/// Where each CPU builds a new IPv4 translation: the stack has no room for it.
///
/// Writes and reads: `forward::nat`.
#[btf_map]
pub(crate) static SCRATCH_V4: Scratch<AddressV4> = PerCpuArray::new();

/// The same for IPv6.
#[btf_map]
pub(crate) static SCRATCH_V6: Scratch<AddressV6> = PerCpuArray::new();

/// Where an offset goes so that the verifier forgets how it was computed.
///
/// Writes and reads: `frame`.
#[btf_map]
pub(crate) static SCRATCH_OFFSET: PerCpuArray<u64, 1> = PerCpuArray::new();

/// Backends of QUIC services by the server id in connection ids.
///
/// Writes: the daemon. Reads: `stages::quic`, once a packet to such a service.
/// Size: 20 + 4 bytes an entry, taken when one is added. Full: the daemon refuses the backend.
/// Why no room is taken beforehand: most balancers have no such service.
#[btf_map]
pub(crate) static QUIC_SERVERS: HashMap<
    QuicServerKey,
    u32,
    MAX_BACKENDS,
    { BPF_F_NO_PREALLOC as usize },
> = HashMap::new();

/// How server ids lie in connection ids, by service and config rotation. Holds keys: only root reads
/// it.
///
/// Writes: the daemon, whole values. Reads: `stages::quic`, once a packet to such a service.
/// Size: 8 + 232 bytes an entry, taken when one is added. Full: the daemon refuses the service.
#[btf_map]
pub(crate) static QUIC_CONFIGS: HashMap<
    QuicConfigKey,
    QuicLbConfig,
    MAX_SERVICES,
    { BPF_F_NO_PREALLOC as usize },
> = HashMap::new();

/// Where each CPU reads a connection id: the stack has no room for it, and parts of it are read at
/// an offset that varies.
///
/// Writes and reads: `stages::quic`.
#[btf_map]
pub(crate) static SCRATCH_QUIC: PerCpuArray<Reading, 1> = PerCpuArray::new();
