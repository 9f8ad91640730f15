//! The switch of a lab: bridges in a namespace of its own, with a cable to each host.

use anyhow::Result;

use crate::name::LabName;
use crate::namespace::Namespace;
use crate::xdp_pass;

/// Largest packet of an Ethernet that nobody configured.
pub const ETHERNET_MTU: u32 = 1500;

/// A part of the network whose hosts reach each other without a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Where the load balancer is, and everybody in a network without a router.
    Balancer,
    /// The clients', behind the router.
    Clients,
    /// The backends', behind the router.
    Backends,
}

impl Segment {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Balancer, Self::Clients, Self::Backends];

    /// Name of the bridge.
    fn bridge(self) -> &'static str {
        match self {
            Self::Balancer => "br0",
            Self::Clients => "br-clients",
            Self::Backends => "br-backends",
        }
    }
}

/// One end of a cable: a device of a host.
#[derive(Clone, Copy, Debug)]
pub struct Cable<'a> {
    /// Where the other end is plugged in.
    pub segment: Segment,
    /// Port of the switch.
    pub port: &'a str,
    /// Device of the host.
    pub device: &'a str,
    /// Whether the host sends from an XDP program: the other end needs a program too then, or the
    /// frames vanish.
    pub sends_xdp: bool,
}

/// A learning switch that hosts are cabled to, with one bridge for each segment.
#[derive(Debug)]
pub struct Switch {
    namespace: Namespace,
    mtu: u32,
}

impl Switch {
    /// Makes a switch without cables, for packets of at most `mtu` bytes.
    pub fn create(lab: &LabName, mtu: u32) -> Result<Self> {
        let namespace = Namespace::create(lab, "switch")?;
        for segment in Segment::ALL {
            let bridge = segment.bridge();
            // Without snooping, neighbour discovery's multicast reaches every port.
            namespace.ip_batch(&format!(
                "link add {bridge} type bridge mcast_snooping 0\nlink set {bridge} up\n"
            ))?;
        }
        Ok(Self { namespace, mtu })
    }

    /// Lays a cable from the switch to `host`, both ends up.
    ///
    /// Checksums are filled in at both ends (`tx off`), since an XDP program reads and forwards
    /// frames as they are on the cable. GRO is off, or merged frames would go on, and reach a
    /// generic program.
    pub fn connect(&self, host: &Namespace, cable: Cable<'_>) -> Result<()> {
        let Cable { segment, port, device, sends_xdp } = cable;
        let (bridge, mtu) = (segment.bridge(), self.mtu);
        self.namespace.ip_batch(&format!(
            "link add {port} mtu {mtu} type veth peer name {device} mtu {mtu} netns {}\n\
             link set {port} master {bridge} up\n",
            host.name()
        ))?;
        self.namespace.run(&["ethtool", "-K", port, "tx", "off", "gro", "off"])?;
        if sends_xdp {
            xdp_pass::attach(&self.namespace, port)?;
        }
        host.run(&["ethtool", "-K", device, "tx", "off", "gro", "off"])?;
        host.ip_batch(&format!("link set {device} up\n"))
    }

    /// Pulls the cable of `port`: frames in either direction are lost, the host sees no carrier.
    pub fn unplug(&self, port: &str) -> Result<()> {
        self.namespace.ip_batch(&format!("link set {port} down\n"))
    }

    /// Plugs the cable of `port` in again.
    pub fn plug(&self, port: &str) -> Result<()> {
        self.namespace.ip_batch(&format!("link set {port} up\n"))
    }
}
