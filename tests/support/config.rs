//! The configuration file of a lab's daemon, as plain values that a test can change.

use std::fmt::{self, Display};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::program::Program;

/// Layer-4 protocol of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Display for Protocol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Forward mode of a service, among those that a switch is enough for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Both ways through the load balancer, addresses translated.
    Nat,
    /// The backend answers the client itself.
    Dsr,
}

impl Forward {
    /// Whether a backend may serve on another port than the VIP's.
    pub fn translates(self) -> bool {
        match self {
            Self::Nat => true,
            Self::Dsr => false,
        }
    }

    /// Whether packets reach the backend with the VIP as their destination.
    pub fn keeps_vip(self) -> bool {
        match self {
            Self::Nat => false,
            Self::Dsr => true,
        }
    }
}

impl Display for Forward {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Nat => "nat",
            Self::Dsr => "dsr",
        })
    }
}

/// Active checks of a service's backends.
#[derive(Clone, Debug)]
pub struct Health {
    /// Kind of check; `http` asks for `/healthz`.
    pub kind: &'static str,
    /// Time from one check to the next.
    pub interval: Duration,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Good answers in a row until a backend is healthy.
    pub rise: u32,
    /// Bad answers in a row until a backend is unhealthy.
    pub fall: u32,
}

impl Health {
    /// HTTP checks that see a dead backend within a second and a half.
    pub const HTTP: Self = Self {
        kind: "http",
        interval: Duration::from_millis(500),
        timeout: Duration::from_millis(400),
        rise: 1,
        fall: 2,
    };

    /// The same by connecting alone.
    pub const TCP: Self = Self { kind: "tcp", ..Self::HTTP };

    /// Time within which a backend that stopped serving is out of the table.
    pub fn detection_limit(&self) -> Duration {
        self.interval * self.fall + self.timeout
    }

    /// Time within which a backend that serves again is back in the table.
    pub fn return_limit(&self) -> Duration {
        self.interval * self.rise + self.timeout
    }
}

/// A backend in the configuration.
#[derive(Clone, Debug)]
pub struct BackendEntry {
    /// Name, the same as the host's.
    pub name: String,
    /// Where it serves.
    pub address: SocketAddr,
    /// Share of new connections.
    pub weight: u32,
    /// What names it in connection ids of QUIC, in hexadecimal.
    pub server_id: Option<String>,
}

/// A service in the configuration.
#[derive(Clone, Debug)]
pub struct Service {
    /// Name.
    pub name: String,
    /// VIP and port.
    pub address: SocketAddr,
    /// Protocol.
    pub protocol: Protocol,
    /// Forward mode.
    pub forward: Forward,
    /// Algorithm.
    pub algorithm: String,
    /// How connection ids of QUIC name backends: lines of TOML.
    pub quic: Option<String>,
    /// Checks; none means that every backend counts as healthy.
    pub health: Option<Health>,
    /// Backends.
    pub backends: Vec<BackendEntry>,
    /// What serves on them; no part of the file.
    pub program: Program,
}

/// A firewall rule on sources, in the configuration.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name.
    pub name: String,
    /// Prefixes it matches.
    pub sources: Vec<String>,
    /// `drop`, `pass` or `count`.
    pub action: String,
}

/// What a lab's daemon runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Interfaces in the load balancer's namespace.
    pub interfaces: Vec<String>,
    /// `auto`, `native` or `generic`.
    pub xdp_mode: String,
    /// Services.
    pub services: Vec<Service>,
    /// Firewall rules; the first match wins.
    pub rules: Vec<Rule>,
}

impl Config {
    /// A configuration for `eth0` with these services and no firewall rule.
    pub fn new(services: impl Into<Vec<Service>>) -> Self {
        Self {
            interfaces: vec!["eth0".to_owned()],
            xdp_mode: "auto".to_owned(),
            services: services.into(),
            rules: Vec::new(),
        }
    }

    /// Addresses of the services, each once.
    pub(crate) fn vips(&self, wanted: impl Fn(&Service) -> bool) -> Vec<IpAddr> {
        let services = self.services.iter().filter(|service| wanted(service));
        let mut vips: Vec<IpAddr> = services.map(|service| service.address.ip()).collect();
        vips.sort();
        vips.dedup();
        vips
    }

    /// Programs that serve on the backends, each once.
    pub(crate) fn programs(&self) -> Vec<Program> {
        let mut programs: Vec<Program> =
            self.services.iter().map(|service| service.program).collect();
        programs.sort();
        programs.dedup();
        programs
    }

    /// The file for a daemon with this socket and pin directory.
    pub fn to_toml(&self, socket: &Path, pin_directory: &Path) -> String {
        let Self { interfaces, xdp_mode, services, rules } = self;
        let pin_directory = pin_directory.display();
        let datapath = format!(
            "[datapath]\ninterfaces = {interfaces:?}\nxdp_mode = {xdp_mode:?}\n\
             pin_directory = \"{pin_directory}\"\n"
        );
        let socket = socket.display();
        let api = format!("[api]\nsocket = \"{socket}\"\nlisten = \"127.0.0.1:9117\"\n");
        let services = services.iter().map(ToString::to_string);
        let rules = rules.iter().map(ToString::to_string);
        let tables: Vec<String> =
            [datapath, api].into_iter().chain(services).chain(rules).collect();
        tables.join("\n")
    }
}

impl Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "[[service]]\nname = {:?}\naddress = \"{}\"", self.name, self.address)?;
        writeln!(out, "protocol = \"{}\"\nforward = \"{}\"", self.protocol, self.forward)?;
        writeln!(out, "algorithm = {:?}", self.algorithm)?;
        if let Some(quic) = &self.quic {
            writeln!(out, "{quic}")?;
        }
        writeln!(out, "\n[service.health]")?;
        match &self.health {
            Some(health) => health.fmt(out)?,
            None => writeln!(out, "type = \"none\"")?,
        }
        self.backends.iter().try_for_each(|backend| backend.fmt(out))
    }
}

impl Display for Health {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "type = {:?}", self.kind)?;
        if self.kind == "http" {
            writeln!(out, "path = \"/healthz\"")?;
        }
        writeln!(out, "interval = \"{}ms\"", self.interval.as_millis())?;
        writeln!(out, "timeout = \"{}ms\"", self.timeout.as_millis())?;
        writeln!(out, "rise = {}\nfall = {}", self.rise, self.fall)
    }
}

impl Display for BackendEntry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address, weight, server_id } = self;
        writeln!(out, "\n[[service.backend]]\nname = {name:?}")?;
        writeln!(out, "address = \"{address}\"\nweight = {weight}")?;
        server_id.iter().try_for_each(|id| writeln!(out, "server_id = {id:?}"))
    }
}

impl Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sources, action } = self;
        writeln!(out, "[[firewall.rule]]\nname = {name:?}")?;
        writeln!(out, "source = {sources:?}\naction = {action:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::Family;

    #[test]
    fn the_file_reads_as_a_person_would_write_it() {
        let mut config = Config::new([Service::web(Family::V6, Forward::Nat, 1)]);
        config.rules.push(Rule {
            name: "no-guests".to_owned(),
            sources: vec!["198.51.100.0/24".to_owned()],
            action: "drop".to_owned(),
        });
        let file = config.to_toml(Path::new("/run/lab/api.sock"), Path::new("/sys/fs/bpf/lab"));
        assert_eq!(file, include_str!("config_example.toml"));
    }
}
