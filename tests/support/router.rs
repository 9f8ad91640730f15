//! The router of a lab: between the clients and the load balancer, and before the backends if the
//! lab wants it there.
//!
//! Hosts behind it have no neighbour but the router. All its links take the lab's MTU; a narrower
//! link beyond it is a limit of its routes, so that it answers packets that are too big as a
//! router on the internet does, while every host believes in its own link.

use std::fmt::Write;
use std::net::IpAddr;

use anyhow::{Context, Result};

use crate::addresses::{self, Family, VIPS_V4, VIPS_V6};
use crate::name::LabName;
use crate::namespace::Namespace;
use crate::switch::{Cable, Segment, Switch};

/// Where a lab has its router, and how large a packet may be that it sends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Largest packet to a client.
    pub to_clients: u32,
    /// Largest packet to a backend; `None` leaves the backends beside the load balancer.
    pub to_backends: Option<u32>,
}

/// What every router of a lab does.
const SETTINGS: [(&str, &str); 6] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    // Hosts get the answers they need, each time, and no shorter ways.
    ("net/ipv4/icmp_ratelimit", "0"),
    ("net/ipv6/icmp/ratelimit", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
];

/// A host that forwards between the segments of the switch.
#[derive(Debug)]
pub struct Router {
    namespace: Namespace,
    routed: Routed,
}

impl Router {
    /// Makes the router, cabled to each segment that it serves, with the way to the VIPs.
    pub(crate) fn create(lab: &LabName, switch: &Switch, routed: Routed) -> Result<Self> {
        let namespace = Namespace::create(lab, "router")?;
        namespace.set_kernel(&SETTINGS)?;
        let this = Self { namespace, routed };
        for segment in Segment::ALL {
            if this.serves(segment) {
                let device = device(segment);
                let cable =
                    Cable { segment, port: &format!("r-{device}"), device, sends_xdp: false };
                switch.connect(&this.namespace, cable)?;
            }
        }
        let mut batch = String::new();
        for segment in Segment::ALL.into_iter().filter(|&segment| this.serves(segment)) {
            for family in Family::BOTH {
                let (address, length) = (addresses::router(family), family.host_prefix());
                let options = if family == Family::V6 { "nodad" } else { "" };
                let device = device(segment);
                writeln!(batch, "addr add {address}/{length} dev {device} {options}")
                    .context("a String takes all")?;
            }
        }
        this.namespace.ip_batch(&batch)?;
        for family in Family::BOTH {
            this.add_host(addresses::balancer(family), Segment::Balancer)?;
        }
        let (v4, v6) = (addresses::balancer(Family::V4), addresses::balancer(Family::V6));
        let device = device(Segment::Balancer);
        this.namespace.ip_batch(&format!(
            "route add {VIPS_V4} via {v4} dev {device}\nroute add {VIPS_V6} via {v6} dev {device}\n"
        ))?;
        Ok(this)
    }

    /// The router's network.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Whether hosts of `segment` have the router as their only neighbour, or share a segment
    /// with it.
    pub(crate) fn serves(&self, segment: Segment) -> bool {
        segment != Segment::Backends || self.routed.to_backends.is_some()
    }

    /// Routes to a host on a segment, with the limit of the way there.
    pub(crate) fn add_host(&self, address: IpAddr, segment: Segment) -> Result<()> {
        let limit = match segment {
            Segment::Balancer => None,
            Segment::Clients => Some(self.routed.to_clients),
            Segment::Backends => self.routed.to_backends,
        };
        let device = device(segment);
        // Locked: what a router forwards obeys no other limit of a route.
        let limit = limit.map(|mtu| format!("mtu lock {mtu}")).unwrap_or_default();
        let length = Family::of(address).host_prefix();
        self.namespace.ip_batch(&format!("route add {address}/{length} dev {device} {limit}\n"))
    }
}

/// Name of the router's device on a segment.
fn device(segment: Segment) -> &'static str {
    match segment {
        Segment::Balancer => "balancer",
        Segment::Clients => "clients",
        Segment::Backends => "backends",
    }
}
