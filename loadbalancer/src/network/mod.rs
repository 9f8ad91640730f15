//! This host's network, as the kernel tells it over rtnetlink: next hops, neighbours, addresses.
//!
//! [`Resolver`] keeps the way to each backend up to date, [`find_interface`] tells what an
//! interface is, [`reserve_ports`] keeps a range of ports out of the host's own use,
//! [`OwnAddresses`] hears of this host's own addresses.

mod error;
mod interfaces;
mod kernel;
mod next_hop;
mod own_addresses;
mod reserved_ports;
mod resolver;
mod ways;

#[cfg(test)]
mod namespace;

pub use error::NetworkError;
pub use interfaces::{Interface, find_interface, interfaces};
pub use next_hop::NextHop;
pub use own_addresses::{OwnAddresses, own_addresses};
pub use reserved_ports::{release_ports, reserve_ports};
pub use resolver::{NextHops, Resolver};
