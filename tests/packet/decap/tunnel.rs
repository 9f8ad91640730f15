//! Tunnels from a balancer to the backend, and what they carry.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use etherparse::{Ipv4Header, Ipv6Header};

use crate::{
    frames::{DATA, IP, PSH_ACK, Packet, patched},
    network::{TCP_V4, TCP_V6, Way},
};

/// The backend's own addresses.
pub(super) const BACKEND_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 5);
pub(super) const BACKEND_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 5);
/// Where the balancers are.
pub(super) const BALANCERS: [&str; 2] = ["203.0.113.128/28", "2001:db8:1b::/64"];
/// One of them.
pub(super) const BALANCER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 130);
pub(super) const BALANCER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x1b, 0, 0, 0, 0, 7);

/// The port that GUE goes to.
pub(super) const GUE: u16 = 6_080;

/// How the inner packet is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encapsulation {
    Ipip,
    /// GUE, the inner packet right behind the UDP header.
    Gue1,
    /// GUE with a header of 4 bytes.
    Gue0,
}

/// A tunnel: how it wraps, and the families of both headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tunnel {
    pub(super) encapsulation: Encapsulation,
    pub(super) is_outer_v4: bool,
    pub(super) is_inner_v4: bool,
}

/// All of them: three ways to wrap, and two families twice.
pub(super) fn tunnels() -> impl Iterator<Item = Tunnel> {
    [Encapsulation::Ipip, Encapsulation::Gue1, Encapsulation::Gue0].into_iter().flat_map(
        |encapsulation| {
            [(true, true), (true, false), (false, true), (false, false)].into_iter().map(
                move |(is_outer_v4, is_inner_v4)| Tunnel {
                    encapsulation,
                    is_outer_v4,
                    is_inner_v4,
                },
            )
        },
    )
}

impl Tunnel {
    /// The name of its counters.
    pub(super) fn kind(self) -> String {
        let encapsulation = match self.encapsulation {
            Encapsulation::Ipip => "ipip",
            Encapsulation::Gue0 | Encapsulation::Gue1 => "gue",
        };
        let [inner, outer] =
            [self.is_inner_v4, self.is_outer_v4].map(|is_v4| if is_v4 { 4 } else { 6 });
        format!("{encapsulation}_{inner}in{outer}")
    }

    /// Number of the protocol that the inner packet is, behind an IP header.
    pub(super) const fn inner_protocol(self) -> u8 {
        if self.is_inner_v4 { 4 } else { 41 }
    }

    fn way(self) -> Way {
        if self.is_inner_v4 { TCP_V4 } else { TCP_V6 }
    }

    /// A request of a client to the VIP.
    pub(super) fn request(self) -> Packet {
        let way = self.way();
        Packet::tcp(way.client(7, 40_000), way.vip(), PSH_ACK).data(DATA)
    }

    /// The tunnel's packet from the balancer, with other content than a sound packet.
    pub(super) fn around(self, content: &[u8]) -> Packet {
        let [source, destination]: [IpAddr; 2] = if self.is_outer_v4 {
            [BALANCER_V4.into(), BACKEND_V4.into()]
        } else {
            [BALANCER_V6.into(), BACKEND_V6.into()]
        };
        let [from, to] =
            [(source, 51_234), (destination, GUE)].map(|(ip, port)| SocketAddr::new(ip, port));
        match self.encapsulation {
            Encapsulation::Ipip => {
                Packet::other(source, destination, self.inner_protocol(), content)
            }
            Encapsulation::Gue1 => Packet::udp(from, to).data(content),
            Encapsulation::Gue0 => {
                let header = [0, self.inner_protocol(), 0, 0];
                Packet::udp(from, to).data(&[&header, content].concat())
            }
        }
    }

    /// The packet inside the tunnel's packet.
    pub(super) fn wrap(self, inner: &Packet) -> Packet {
        self.around(&inner.bytes()[IP..])
    }

    /// Where the inner IP header begins in a frame without tags and options.
    pub(super) fn inner_offset(self) -> usize {
        let outer = if self.is_outer_v4 { 20 } else { 40 };
        let between = match self.encapsulation {
            Encapsulation::Ipip => 0,
            Encapsulation::Gue1 => 8,
            Encapsulation::Gue0 => 12,
        };
        IP + outer + between
    }
}

/// The frame with another traffic class in the IP header at `offset`, and the checksum to it.
pub(super) fn with_traffic_class(frame: &[u8], offset: usize, traffic_class: u8) -> Vec<u8> {
    if frame[offset] >> 4 == 4 {
        let (mut header, _) = Ipv4Header::from_slice(&frame[offset..]).unwrap();
        header.dscp = (traffic_class >> 2).try_into().unwrap();
        header.ecn = (traffic_class & 3).try_into().unwrap();
        header.header_checksum = header.calc_header_checksum();
        patched(frame, offset, &header.to_bytes())
    } else {
        let (mut header, _) = Ipv6Header::from_slice(&frame[offset..]).unwrap();
        header.traffic_class = traffic_class;
        patched(frame, offset, &header.to_bytes())
    }
}
