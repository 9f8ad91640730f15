//! The services that labs offer, ready to configure: each with the program that serves it.

use std::net::SocketAddr;

use crate::addresses::{self, Family};
use crate::backend::{self, IPERF_PORT, POSTGRES_PORT, SECURE_PORT, WEB_PORT};
use crate::config::{BackendEntry, Forward, Health, Protocol, Service};
use crate::program::Program;

impl Service {
    /// The service `web` on port 80 of the first VIP, with backends 1 to `backends` checked over HTTP.
    pub fn web(family: Family, forward: Forward, backends: u8) -> Self {
        let port = if forward.translates() { WEB_PORT } else { 80 };
        Self {
            name: "web".to_owned(),
            address: SocketAddr::new(addresses::vip(family, 10), 80),
            protocol: Protocol::Tcp,
            forward,
            algorithm: "maglev".to_owned(),
            quic: None,
            health: Some(Health::HTTP),
            backends: entries(family, port, backends),
            program: Program::Web,
        }
    }

    /// The service `tls` on port 443, checked by connecting.
    pub fn secure_web(family: Family, forward: Forward, backends: u8) -> Self {
        let port = if forward.translates() { SECURE_PORT } else { 443 };
        Self {
            program: Program::SecureWeb,
            backends: entries(family, port, backends),
            ..Self::on_port("tls", 443, family, forward)
        }
    }

    /// The service `postgres`, checked by connecting.
    pub fn postgres(family: Family, forward: Forward, backends: u8) -> Self {
        Self {
            program: Program::Postgres,
            backends: entries(family, POSTGRES_PORT, backends),
            ..Self::on_port("postgres", POSTGRES_PORT, family, forward)
        }
    }

    /// The service `iperf` over TCP, unchecked, with one backend: a measurement's connections
    /// belong together.
    pub fn iperf(family: Family, forward: Forward) -> Self {
        Self {
            program: Program::Iperf,
            health: None,
            backends: entries(family, IPERF_PORT, 1),
            ..Self::on_port("iperf", IPERF_PORT, family, forward)
        }
    }

    /// The service `dns` on UDP port 53 of the first VIP, with backends 1 to `backends`, unchecked.
    pub fn dns(family: Family, forward: Forward, backends: u8) -> Self {
        Self {
            protocol: Protocol::Udp,
            health: None,
            program: Program::Dns,
            backends: entries(family, 53, backends),
            ..Self::on_port("dns", 53, family, forward)
        }
    }

    /// The same service under another name, beside one of the other family.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// The address that a browser would take.
    pub fn url(&self) -> String {
        let scheme = if self.program == Program::SecureWeb { "https" } else { "http" };
        format!("{scheme}://{}/", self.address)
    }

    fn on_port(name: &str, port: u16, family: Family, forward: Forward) -> Self {
        Self {
            name: name.to_owned(),
            address: SocketAddr::new(addresses::vip(family, 10), port),
            health: Some(Health::TCP),
            ..Self::web(family, forward, 0)
        }
    }
}

fn entries(family: Family, port: u16, count: u8) -> Vec<BackendEntry> {
    let entry = |number| BackendEntry {
        name: backend::name(number),
        address: SocketAddr::new(addresses::backend(family, number), port),
        weight: 100,
        server_id: None,
    };
    (1..=count).map(entry).collect()
}
