//! Every map: who writes it, who reads it, how large it is, and what happens when it is full.
//!
//! All are pinned by their names, so that they outlive the process that filled them. Together they
//! take less than a megabyte.

use aya_ebpf::{
    btf_maps::{HashMap, LpmTrie, PerCpuArray},
    macros::btf_map,
};
use loadbalancer_common::{AddressV4, AddressV6, DecapCounters};

const MAX_ADDRESSES: usize = 4_096;
const MAX_PREFIXES: usize = 4_096;
/// Room for kinds, reasons and events that later layouts add.
const MAX_KINDS: usize = 16;
const MAX_REASONS: usize = 16;

pub(crate) type Addresses<A> = HashMap<A, u32, MAX_ADDRESSES>;
pub(crate) type Prefixes<A> = LpmTrie<A, u32, MAX_PREFIXES>;

/// This host's own IPv4 addresses: a set, the values mean nothing.
///
/// Writes: userspace, when the host's addresses change. Reads: `outer`, once an encapsulated packet.
/// Full: userspace refuses to start; later it warns, and tunnels to the rest pass untouched.
#[btf_map]
pub(crate) static OWN_V4: Addresses<AddressV4> = HashMap::new();

/// This host's own IPv6 addresses; as `OWN_V4`.
#[btf_map]
pub(crate) static OWN_V6: Addresses<AddressV6> = HashMap::new();

/// Prefixes of IPv4 sources that may send encapsulated packets: a set.
///
/// Writes: userspace, at its start. Reads: `outer`, once an encapsulated packet to this host.
/// Full: userspace refuses to start.
#[btf_map]
pub(crate) static ALLOWED_V4: Prefixes<AddressV4> = LpmTrie::new();

/// Prefixes of IPv6 sources; as `ALLOWED_V4`.
#[btf_map]
pub(crate) static ALLOWED_V6: Prefixes<AddressV6> = LpmTrie::new();

/// Prefixes of inner IPv4 destinations that are accepted, while `RESTRICT_VIPS` is set: a set.
///
/// Writes: userspace, at its start. Reads: `inner`. Full: userspace refuses to start.
#[btf_map]
pub(crate) static VIPS_V4: Prefixes<AddressV4> = LpmTrie::new();

/// Prefixes of inner IPv6 destinations; as `VIPS_V4`.
#[btf_map]
pub(crate) static VIPS_V6: Prefixes<AddressV6> = LpmTrie::new();

/// Counters by `TunnelKind`, for each CPU.
///
/// Writes: `counters`, once a packet that is taken out. Reads: `loadbalancer decap stats`.
#[btf_map]
pub(crate) static DECAPSULATED: PerCpuArray<DecapCounters, MAX_KINDS> = PerCpuArray::new();

/// Dropped packets by `DecapDrop`, for each CPU; as `DECAPSULATED`.
#[btf_map]
pub(crate) static DECAP_DROPS: PerCpuArray<u64, MAX_REASONS> = PerCpuArray::new();

/// Packets that were passed on as they were, by `DecapPass`, for each CPU; as `DECAPSULATED`.
#[btf_map]
pub(crate) static DECAP_PASSES: PerCpuArray<u64, MAX_REASONS> = PerCpuArray::new();
