//! The engine from configuration to maps.

mod images;
mod sequences;
mod simulation;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    path::Path,
};

use super::{Allocation, EngineError, Inputs, Plan, build};
use crate::{
    config::{Config, Document, Limits},
    network::NextHop,
};

/// What surrounds a build: which backends are down, which ways are unknown, how large the maps are.
#[derive(Clone, Debug, Default)]
struct World {
    down: HashSet<(String, String)>,
    unknown: HashSet<IpAddr>,
    limits: Limits,
}

impl World {
    fn down(mut self, service: &str, backend: &str) -> Self {
        self.down.insert((service.to_owned(), backend.to_owned()));
        self
    }

    fn unknown(mut self, address: &str) -> Self {
        self.unknown.insert(address.parse().unwrap());
        self
    }

    fn build(&self, config: &Config, previous: &Allocation) -> Result<Plan, EngineError> {
        let next_hops: HashMap<IpAddr, NextHop> = config
            .services
            .iter()
            .flat_map(|service| service.backends.iter().map(|backend| backend.address.ip()))
            .filter(|address| !self.unknown.contains(address))
            .map(|address| (address, next_hop(address)))
            .collect();
        let health = |service: &str, backend: &str| {
            !self.down.contains(&(service.to_owned(), backend.to_owned()))
        };
        let limits = self.limits;
        build(&Inputs { config, limits, health: &health, next_hops: &next_hops, previous })
    }
}

fn next_hop(address: IpAddr) -> NextHop {
    let own = if address.is_ipv4() { "192.0.2.1" } else { "2001:db8::1" };
    NextHop {
        ifindex: 2,
        source_mac: [2, 0, 0, 0, 0, 1],
        mac: [2, 0, 0, 0, 0, 2],
        source_address: own.parse().unwrap(),
    }
}

fn config(text: &str) -> Config {
    match Document::parse(text, Path::new("lb.toml")) {
        Ok(document) => document.config().clone(),
        Err(error) => panic!("{error}\nhint: {}", error.hint()),
    }
}

/// A service with a small table; backends as inline tables.
fn service(name: &str, address: &str, backends: &[&str]) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\naddress = \"{address}\"\ntable_size = 7\nbackend = [{}]\n",
        backends.join(", ")
    )
}

fn first(config: &Config) -> Plan {
    World::default().build(config, &Allocation::default()).unwrap()
}
