//! This host's network, as the kernel tells it over rtnetlink: next hops, neighbours, addresses.

mod next_hop;

pub use next_hop::NextHop;
