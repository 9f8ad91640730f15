//! The addresses of a lab: functions of a host's number, so that configs need no lab to exist.
//!
//! All are documentation addresses (RFC 5737, RFC 3849). Hosts share `192.0.2.0/24` and
//! `2001:db8:1::/64`; VIPs are in `203.0.113.0/24` and `2001:db8:ffff::/64`, on the same switch.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Prefix that all clients of IPv4 labs are in, and nobody else.
pub const CLIENTS_V4: &str = "192.0.2.96/27";
/// Prefix that all clients of IPv6 labs are in, and nobody else.
pub const CLIENTS_V6: &str = "2001:db8:1::100/120";
/// Prefix of the IPv4 VIPs.
pub const VIPS_V4: &str = "203.0.113.0/24";
/// Prefix of the IPv6 VIPs.
pub const VIPS_V6: &str = "2001:db8:ffff::/64";

/// Name that every DNS server of a lab answers for, with all names below it.
pub const DNS_ZONE: &str = "lab.test";

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, for tests that hold for either.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Length of a prefix that holds one address.
    pub fn host_prefix(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// Address of the load balancer's NIC.
pub fn balancer(family: Family) -> IpAddr {
    host(family, 1, 0x1)
}

/// Address of the router, on each of its links.
pub fn router(family: Family) -> IpAddr {
    host(family, 254, 0xfe)
}

/// Address of backend `number`, counted from 1 to 80.
pub fn backend(family: Family, number: u8) -> IpAddr {
    host(family, 10 + number, 0x10 + u16::from(number))
}

/// Address of client `number`, counted from 1 to 26.
pub fn client(family: Family, number: u8) -> IpAddr {
    host(family, 100 + number, 0x100 + u16::from(number))
}

/// Address number `number` that clients use for a service.
pub fn vip(family: Family, number: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(203, 0, 113, number).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, u16::from(number)).into(),
    }
}

fn host(family: Family, last_v4: u8, last_v6: u16) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(192, 0, 2, last_v4).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last_v6).into(),
    }
}
