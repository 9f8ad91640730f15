//! What a backend may be sent, and what its entry holds.

use std::net::{IpAddr, SocketAddr};

use loadbalancer_common::{AddressV6, Backend, BackendFlags, Be16, MacWord};

use crate::{
    config::{AdminState, NatConfig},
    network::NextHop,
    stats::BackendState,
};

/// The state of a backend, from what the operator wants of it and what its checks say.
pub const fn state(wanted: AdminState, healthy: bool) -> BackendState {
    match (wanted, healthy) {
        (AdminState::Disabled, _) => BackendState::Disabled,
        (AdminState::Draining, _) => BackendState::Draining,
        (AdminState::Enabled, true) => BackendState::Healthy,
        (AdminState::Enabled, false) => BackendState::Unhealthy,
    }
}

/// What goes to a lookup table: it takes new flows, and packets reach it.
pub(super) const SERVES: BackendFlags = BackendFlags::NEW_FLOWS.union(BackendFlags::REACHABLE);

/// What may be sent to a backend in this state. A backup on standby, like a backend without weight,
/// keeps its flows and gets no new ones.
pub(super) const fn flags(state: BackendState, takes_new: bool, reachable: bool) -> BackendFlags {
    let alive = match state {
        BackendState::Disabled => return BackendFlags::DISABLED,
        BackendState::Unhealthy => BackendFlags(0),
        BackendState::Healthy if takes_new => BackendFlags::ALIVE.union(BackendFlags::NEW_FLOWS),
        BackendState::Healthy | BackendState::Draining => BackendFlags::ALIVE,
    };
    if reachable { alive.union(BackendFlags::REACHABLE) } else { alive }
}

/// The entry of a backend. Without a next hop its link layer is 0.
pub(super) fn entry(
    service: u32,
    address: SocketAddr,
    flags: BackendFlags,
    next_hop: Option<&NextHop>,
    nat: &NatConfig,
) -> Backend {
    let ip = address.ip();
    let same_family = |one: &IpAddr| one.is_ipv4() == ip.is_ipv4();
    let own = next_hop.map(|hop| hop.source_address).filter(same_family);
    let nat_address = nat.addresses.iter().copied().find(same_family).or(own);
    let link = next_hop.map(|hop| (hop.ifindex, hop.mac, hop.source_mac));
    let (ifindex, mac, source_mac) = link.unwrap_or_default();
    Backend {
        address: octets(ip),
        nat_address: nat_address.map(octets).unwrap_or_default(),
        service,
        ifindex,
        next_hop: MacWord::new(mac),
        source_mac: MacWord::new(source_mac),
        port: Be16::new(address.port()),
        flags,
        family: if ip.is_ipv4() { 4 } else { 6 },
        ..Backend::UNUSED
    }
}

/// An address as entries hold it: IPv4 in the first 4 bytes, the rest 0.
pub(super) fn octets(address: IpAddr) -> AddressV6 {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// Address and port of an entry; none when it is of no family.
pub(super) fn address(entry: &Backend) -> Option<SocketAddr> {
    let [a, b, c, d, ..] = entry.address;
    let ip = match entry.family {
        4 => IpAddr::from([a, b, c, d]),
        6 => IpAddr::from(entry.address),
        _ => return None,
    };
    Some(SocketAddr::new(ip, entry.port.get()))
}
