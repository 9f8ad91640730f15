//! Which service is the packet for?

use loadbalancer_common::{Be16, Service, ServiceKey, Verdict, packet::Packet};

use crate::family::Family;

/// Finds the service of the packet's destination: by its port, else for every port of the VIP.
/// Packets to anything else, and those without ports (ICMP, fragments), pass to the host.
#[inline(always)]
pub(crate) fn find<A: Family>(packet: &Packet<A>) -> Result<Service, Verdict> {
    if !packet.has_ports {
        return Err(Verdict::Pass);
    }
    let key = ServiceKey {
        vip: packet.destination,
        port: packet.destination_port,
        protocol: packet.protocol,
        zero: 0,
    };
    lookup(key).or_else(|| lookup(ServiceKey { port: Be16::ZERO, ..key })).ok_or(Verdict::Pass)
}

#[inline(always)]
fn lookup<A: Family>(key: ServiceKey<A>) -> Option<Service> {
    // SAFETY: the value is copied at once; the daemon replaces values whole, and a reader that
    // meets the replacement sees the old element or the new one.
    unsafe { A::services().get(key) }.copied()
}
