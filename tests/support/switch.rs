//! The switch of a lab: a bridge in a namespace of its own, with a cable to each host.

use anyhow::Result;

use crate::name::LabName;
use crate::namespace::Namespace;
use crate::xdp_pass;

/// A learning switch that hosts are cabled to. Hosts see their end as `eth0`.
#[derive(Debug)]
pub struct Switch {
    namespace: Namespace,
}

impl Switch {
    /// Makes a switch without cables.
    pub fn create(lab: &LabName) -> Result<Self> {
        let namespace = Namespace::create(lab, "switch")?;
        // Without snooping, neighbour discovery's multicast reaches every port.
        namespace.ip_batch("link add br0 type bridge mcast_snooping 0\nlink set br0 up\n")?;
        Ok(Self { namespace })
    }

    /// Lays a cable from the switch's port `port` to `eth0` of `host`, both ends up.
    ///
    /// Checksums are filled in at both ends (`tx off`), since an XDP program reads and forwards
    /// frames as they are on the cable. GRO is off, or merged frames would go on, and reach a
    /// generic program. `sends_xdp` is for the cable to a host that sends from an XDP program:
    /// its other end needs a program too, or the frames vanish.
    pub fn connect(&self, host: &Namespace, port: &str, sends_xdp: bool) -> Result<()> {
        self.namespace.ip_batch(&format!(
            "link add {port} type veth peer name eth0 netns {}\nlink set {port} master br0 up\n",
            host.name()
        ))?;
        self.namespace.run(&["ethtool", "-K", port, "tx", "off", "gro", "off"])?;
        if sends_xdp {
            xdp_pass::attach(&self.namespace, port)?;
        }
        host.run(&["ethtool", "-K", "eth0", "tx", "off", "gro", "off"])?;
        host.ip_batch("link set eth0 up\n")
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
