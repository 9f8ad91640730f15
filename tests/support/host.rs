//! One host of a lab: a namespace, a cable to the switch, an address of each family.

use std::net::IpAddr;

use anyhow::Result;

use crate::addresses::{self, CLIENTS_V4, CLIENTS_V6, Family, VIPS_V4, VIPS_V6};
use crate::name::LabName;
use crate::namespace::Namespace;
use crate::router::Router;
use crate::switch::{Cable, Segment, Switch};

/// What hosts are cabled to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    /// The switch.
    pub(crate) switch: &'a Switch,
    /// The router, in a network that has one.
    pub(crate) router: Option<&'a Router>,
}

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
    ///
    /// `home` is where it lives if there is a router before that segment; otherwise it is beside
    /// the load balancer.
    pub(crate) fn create(
        lab: &LabName,
        site: &Site<'_>,
        name: &str,
        address: impl Fn(Family) -> IpAddr,
        home: Segment,
    ) -> Result<Self> {
        let namespace = Namespace::create(lab, name)?;
        let router = site.router.filter(|router| router.serves(home));
        let segment = if router.is_some() { home } else { Segment::Balancer };
        let sends_xdp = home == Segment::Balancer;
        let cable = Cable { segment, port: name, device: "eth0", sends_xdp };
        site.switch.connect(&namespace, cable)?;
        let (v4, v6) = (address(Family::V4), address(Family::V6));
        let host = Self { name: name.to_owned(), namespace, v4, v6 };
        match router {
            Some(router) if segment != Segment::Balancer => host.settle_behind(router, segment)?,
            _ => host.settle_beside_the_balancer(site.router)?,
        }
        Ok(host)
    }

    /// Gives the host its addresses, and the router as its only neighbour.
    fn settle_behind(&self, router: &Router, segment: Segment) -> Result<()> {
        let Self { v4, v6, .. } = self;
        let (router_v4, router_v6) = (addresses::router(Family::V4), addresses::router(Family::V6));
        self.namespace.ip_batch(&format!(
            "addr add {v4}/32 dev eth0\naddr add {v6}/128 dev eth0 nodad\n\
             route add {router_v4}/32 dev eth0\nroute add {router_v6}/128 dev eth0\n\
             route add default via {router_v4} dev eth0\nroute add default via {router_v6} dev eth0\n"
        ))?;
        router.add_host(*v4, segment)?;
        router.add_host(*v6, segment)
    }

    /// Gives the host its addresses among all hosts that are not behind a router.
    fn settle_beside_the_balancer(&self, router: Option<&Router>) -> Result<()> {
        let Self { v4, v6, .. } = self;
        self.namespace
            .ip_batch(&format!("addr add {v4}/24 dev eth0\naddr add {v6}/64 dev eth0 nodad\n"))?;
        let Some(router) = router else { return Ok(()) };
        for address in [v4, v6] {
            if *address != addresses::balancer(Family::of(*address)) {
                router.add_host(*address, Segment::Balancer)?;
            }
        }
        let (router_v4, router_v6) = (addresses::router(Family::V4), addresses::router(Family::V6));
        self.namespace.ip_batch(&format!(
            "route add {CLIENTS_V4} via {router_v4} dev eth0\n\
             route add {CLIENTS_V6} via {router_v6} dev eth0\n"
        ))
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

    /// Lets the host reach another one through the router.
    pub(crate) fn route_through_the_router(&self, address: IpAddr) -> Result<()> {
        let family = Family::of(address);
        let (length, router) = (family.host_prefix(), addresses::router(family));
        self.namespace.ip_batch(&format!("route add {address}/{length} via {router} dev eth0\n"))
    }

    /// Lets the host reach all VIPs on the switch.
    pub(crate) fn route_vips(&self) -> Result<()> {
        self.namespace
            .ip_batch(&format!("route add {VIPS_V4} dev eth0\nroute add {VIPS_V6} dev eth0\n"))
    }
}
