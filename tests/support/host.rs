//! One host of a lab: a namespace, a cable to the switch, an address of each family.

use std::net::IpAddr;

use anyhow::Result;

use crate::addresses::{Family, VIPS_V4, VIPS_V6};
use crate::name::LabName;
use crate::namespace::Namespace;
use crate::switch::Switch;

/// A host on the switch.
#[derive(Debug)]
pub struct Host {
    name: String,
    namespace: Namespace,
    v4: IpAddr,
    v6: IpAddr,
}

impl Host {
    /// Makes a host, cabled to the switch's port of the same name; see [`Switch::connect`].
    pub(crate) fn create(
        lab: &LabName,
        switch: &Switch,
        name: &str,
        address: impl Fn(Family) -> IpAddr,
        sends_xdp: bool,
    ) -> Result<Self> {
        let namespace = Namespace::create(lab, name)?;
        switch.connect(&namespace, name, sends_xdp)?;
        let (v4, v6) = (address(Family::V4), address(Family::V6));
        namespace
            .ip_batch(&format!("addr add {v4}/24 dev eth0\naddr add {v6}/64 dev eth0 nodad\n"))?;
        Ok(Self { name: name.to_owned(), namespace, v4, v6 })
    }

    /// Name of the host, of its port on the switch, and the last part of its namespace's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host's network.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The host's own address.
    pub fn address(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// Gives the host a VIP on its NIC: it answers for it on the switch, and never calls from it.
    pub(crate) fn announce_vip(&self, vip: IpAddr) -> Result<()> {
        let length = Family::of(vip).host_prefix();
        let options = if vip.is_ipv6() { "nodad preferred_lft 0" } else { "" };
        self.namespace.ip_batch(&format!("addr add {vip}/{length} dev eth0 {options}\n"))
    }

    /// Gives the host a VIP on loopback: it takes packets for it and is silent about it.
    pub(crate) fn accept_vip(&self, vip: IpAddr) -> Result<()> {
        let length = Family::of(vip).host_prefix();
        let options = if vip.is_ipv6() { "nodad" } else { "" };
        self.namespace.set_kernel(&[
            ("net/ipv4/conf/all/arp_ignore", "1"),
            ("net/ipv4/conf/all/arp_announce", "2"),
        ])?;
        self.namespace.ip_batch(&format!("addr add {vip}/{length} dev lo {options}\n"))
    }

    /// Lets the host reach all VIPs on the switch.
    pub(crate) fn route_vips(&self) -> Result<()> {
        self.namespace
            .ip_batch(&format!("route add {VIPS_V4} dev eth0\nroute add {VIPS_V6} dev eth0\n"))
    }
}
