//! What an interface is: its index, link-layer address, size limit, state and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use loadbalancer_common::Mac;

use super::{NetworkError, kernel::Kernel};

/// An interface of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name, such as `eth0`.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// Link-layer address; `None` when it is not Ethernet.
    pub mac: Option<Mac>,
    /// Largest IP packet it sends, in bytes.
    pub mtu: u32,
    /// Whether it is switched on; a cable may still be missing.
    pub up: bool,
    /// Its addresses, in the kernel's order.
    pub addresses: Vec<IpAddr>,
}

impl Interface {
    /// Its first IPv4 address.
    pub fn address_v4(&self) -> Option<Ipv4Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        })
    }

    /// Its first IPv6 address that is not link-local.
    pub fn address_v6(&self) -> Option<Ipv6Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpAddr::V6(address) if !address.is_unicast_link_local() => Some(*address),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        })
    }

    /// Its link-layer address.
    ///
    /// # Errors
    ///
    /// When it is not Ethernet.
    pub fn ethernet(&self) -> Result<Mac, NetworkError> {
        self.mac.ok_or_else(|| NetworkError::NotEthernet { name: self.name.clone() })
    }
}

/// All interfaces of this host, by their index.
///
/// # Errors
///
/// When the kernel does not tell.
pub async fn interfaces() -> Result<Vec<Interface>, NetworkError> {
    let kernel = Kernel::open()?;
    let mut interfaces: Vec<Interface> = kernel
        .links()
        .await?
        .into_iter()
        .map(|(index, link)| Interface {
            name: link.name,
            index,
            mac: link.mac,
            mtu: link.mtu,
            up: link.up,
            addresses: Vec::new(),
        })
        .collect();
    for (index, address) in kernel.addresses().await? {
        if let Some(interface) = interfaces.iter_mut().find(|interface| interface.index == index) {
            interface.addresses.push(address);
        }
    }
    interfaces.sort_unstable_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// The interface of that name.
///
/// # Errors
///
/// When there is none, with the names of those that exist, or when the kernel does not tell.
pub async fn find_interface(name: &str) -> Result<Interface, NetworkError> {
    let all = interfaces().await?;
    let existing = || all.iter().map(|other| other.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|interface| interface.name == name).cloned();
    found.ok_or_else(|| NetworkError::NoInterface { name: name.to_owned(), existing: existing() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::namespace::{Lab, in_namespace};

    #[test]
    fn an_interface_is_found_with_its_properties() {
        in_namespace(async |lab: Lab| {
            lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
            let found = find_interface("eth7").await.unwrap();
            assert_eq!((found.mtu, found.up), (1500, true));
            assert_eq!(found.ethernet().unwrap(), lab.near_mac().await);
            assert_eq!(found.address_v4(), Some([192, 0, 2, 1].into()));
            assert_eq!(found.address_v6(), Some("2001:db8::1".parse().unwrap()));
            let loopback = find_interface("lo").await.unwrap();
            assert_eq!(
                loopback.ethernet().unwrap_err().to_string(),
                "interface lo is not Ethernet"
            );
        });
    }

    #[test]
    fn a_missing_interface_is_answered_with_those_that_exist() {
        in_namespace(async |lab: Lab| {
            lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
            let error = find_interface("eth0").await.unwrap_err();
            assert_eq!(error.to_string(), "there is no interface eth0; there are: lo, eth7");
            assert_eq!(error.hint(), "name one of them in `datapath.interfaces`");
        });
    }
}
