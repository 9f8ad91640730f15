//! How to reach an address on the link layer.

use std::net::IpAddr;

use loadbalancer_common::Mac;

/// The way from this host to an address: what a frame to it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Index of the interface that the route leaves by.
    pub ifindex: u32,
    /// Link-layer address of that interface.
    pub source_mac: Mac,
    /// Link-layer address of the next hop: the address itself or its gateway.
    pub mac: Mac,
    /// This host's own address that the route prefers as source.
    pub source_address: IpAddr,
}
