//! The network around the balancer: fixed hosts, and the services that tests configure.
//!
//! Addresses of the blocks for documentation (RFC 5737, RFC 3849).

use std::{
    collections::HashMap,
    fmt::{self, Display},
    net::{IpAddr, SocketAddr},
};

use loadbalancer::network::NextHop;
use loadbalancer_common::Mac;

use crate::frames::{ACK, Packet, SYN};

/// The interface that frames come in by: every namespace's loopback interface has this index.
pub(crate) const IFINDEX: u32 = 1;
/// The balancer.
pub(crate) const OWN_MAC: Mac = [2, 0, 0, 0, 0, 1];
/// The router that clients are behind.
pub(crate) const ROUTER_MAC: Mac = [2, 0, 0, 0, 0, 2];
/// Another router.
pub(crate) const OTHER_ROUTER_MAC: Mac = [2, 0, 0, 0, 0, 3];

/// Highest number of a backend.
const BACKENDS: u8 = 8;

/// The link-layer address of a backend.
pub(crate) const fn backend_mac(number: u8) -> Mac {
    [2, 0, 0, 0, 1, number]
}

/// An address family and a transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    is_ipv4: bool,
    is_tcp: bool,
}

pub(crate) const TCP_V4: Way = Way { is_ipv4: true, is_tcp: true };
pub(crate) const UDP_V4: Way = Way { is_ipv4: true, is_tcp: false };
pub(crate) const TCP_V6: Way = Way { is_ipv4: false, is_tcp: true };
pub(crate) const UDP_V6: Way = Way { is_ipv4: false, is_tcp: false };
pub(crate) const WAYS: [Way; 4] = [TCP_V4, UDP_V4, TCP_V6, UDP_V6];

impl Way {
    pub(crate) const fn is_ipv4(self) -> bool {
        self.is_ipv4
    }

    pub(crate) const fn is_tcp(self) -> bool {
        self.is_tcp
    }

    fn ip(self, v4: [u8; 4], v6: [u16; 8]) -> IpAddr {
        if self.is_ipv4 { v4.into() } else { v6.into() }
    }

    /// What clients connect to.
    pub(crate) fn vip(self) -> SocketAddr {
        let ip = self.ip([192, 0, 2, 10], [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10]);
        SocketAddr::new(ip, 80)
    }

    /// A client's address and port.
    pub(crate) fn client(self, number: u8, port: u16) -> SocketAddr {
        let number_v6 = u16::from(number);
        let ip = self.ip([198, 51, 100, number], [0x2001, 0xdb8, 0xc, 0, 0, 0, 0xffff, number_v6]);
        SocketAddr::new(ip, port)
    }

    /// A backend's address and port.
    pub(crate) fn backend(self, number: u8) -> SocketAddr {
        let number_v6 = u16::from(number);
        let ip = self.ip([203, 0, 113, number], [0x2001, 0xdb8, 0xb, 0, 0, 0, 0, number_v6]);
        SocketAddr::new(ip, 8_080)
    }

    /// The balancer's own address towards backends.
    pub(crate) fn own(self) -> IpAddr {
        self.ip([203, 0, 113, 254], [0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 0xfe])
    }

    /// The first packet of a flow from `client`.
    pub(crate) fn opening(self, client: SocketAddr) -> Packet {
        if self.is_tcp {
            Packet::tcp(client, self.vip(), SYN)
        } else {
            Packet::udp(client, self.vip())
        }
    }

    /// A later packet of a flow, which is no query over TCP.
    pub(crate) fn next(self, client: SocketAddr) -> Packet {
        if self.is_tcp { self.opening(client).flags(ACK) } else { self.opening(client) }
    }

    /// A backend's packet to the balancer's port `nat_port`.
    pub(crate) fn reply(self, backend: u8, nat_port: u16) -> Packet {
        let (from, to) = (self.backend(backend), SocketAddr::new(self.own(), nat_port));
        let reply = if self.is_tcp { Packet::tcp(from, to, ACK) } else { Packet::udp(from, to) };
        reply.macs(OWN_MAC, backend_mac(backend))
    }

    /// A service at the VIP, called "web", without backends so far.
    pub(crate) fn service(self, forward: &'static str) -> Service {
        let protocol = if self.is_tcp { "tcp" } else { "udp" };
        Service {
            way: self,
            name: "web",
            vip: self.vip(),
            protocol,
            forward,
            settings: String::new(),
            backends: Vec::new(),
        }
    }
}

/// A service as it stands in a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    way: Way,
    name: &'static str,
    vip: SocketAddr,
    protocol: &'static str,
    forward: &'static str,
    settings: String,
    backends: Vec<(u8, String)>,
}

impl Service {
    /// With another name.
    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// At another port; 0 for every port.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.vip.set_port(port);
        self
    }

    /// With these settings of its own, each a line of TOML.
    pub(crate) fn settings(self, settings: &str) -> Self {
        Self { settings: settings.to_owned(), ..self }
    }

    /// With these backends, all alike.
    pub(crate) fn backends(self, numbers: impl IntoIterator<Item = u8>) -> Self {
        numbers.into_iter().fold(self, |service, number| service.backend(number, ""))
    }

    /// With one more backend and its settings, each a line of TOML.
    pub(crate) fn backend(mut self, number: u8, settings: &str) -> Self {
        self.backends.push((number, settings.to_owned()));
        self
    }
}

impl Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "[[service]]")?;
        writeln!(out, "name = \"{}\"\naddress = \"{}\"", self.name, self.vip)?;
        writeln!(out, "protocol = \"{}\"\nforward = \"{}\"", self.protocol, self.forward)?;
        writeln!(out, "table_size = 1021\n{}", self.settings)?;
        // Checks, so that tests say who is healthy.
        writeln!(out, "[service.health]\ntype = \"tcp\"\nport = 9000")?;
        for (number, settings) in &self.backends {
            let address = self.way.backend(*number);
            let has_port = self.forward == "nat" && self.vip.port() != 0;
            let address = if has_port { address.to_string() } else { address.ip().to_string() };
            writeln!(out, "[[service.backend]]\nname = \"{}-{number}\"", self.name)?;
            writeln!(out, "address = \"{address}\"\n{settings}")?;
        }
        Ok(())
    }
}

/// The ways to all backends: each one's own link-layer address, out of the interface that frames
/// come in by.
pub(crate) fn next_hops() -> HashMap<IpAddr, NextHop> {
    let families = [TCP_V4, TCP_V6].into_iter();
    let all = families.flat_map(|way| (1..=BACKENDS).map(move |number| (way, number)));
    all.map(|(way, number)| {
        let hop = NextHop {
            ifindex: IFINDEX,
            source_mac: OWN_MAC,
            mac: backend_mac(number),
            source_address: way.own(),
        };
        (way.backend(number).ip(), hop)
    })
    .collect()
}
