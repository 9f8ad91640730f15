//! What a valid configuration says. Every value here has passed validation.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::QuicConfig;

/// A whole, valid configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where packets are processed.
    pub datapath: DatapathConfig,
    /// Translation of addresses and ports, for forward mode `nat`.
    pub nat: NatConfig,
    /// How the daemon is reached.
    pub api: ApiConfig,
    /// The services, in the order of the file.
    pub services: Vec<ServiceConfig>,
    /// The firewall.
    pub firewall: FirewallConfig,
}

/// `[datapath]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatapathConfig {
    /// Names of the interfaces to attach to.
    pub interfaces: Vec<String>,
    /// Where in the driver's receive path the program runs.
    pub xdp_mode: XdpMode,
    /// Directory on a BPF file system that keeps programs and maps while no daemon runs.
    /// Default: `/sys/fs/bpf/loadbalancer`.
    pub pin_directory: PathBuf,
    /// Sizes of the tables.
    pub limits: Limits,
}

impl Default for DatapathConfig {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            xdp_mode: XdpMode::default(),
            pin_directory: PathBuf::from("/sys/fs/bpf/loadbalancer"),
            limits: Limits::default(),
        }
    }
}

/// `[datapath.limits]`: bounds of the tables in the kernel. They take effect when maps are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Services of each address family. Default 4,096.
    pub services: u32,
    /// Backends of all services. Default 16,384.
    pub backends: u32,
    /// Connections of each address family that are remembered. Default 262,144.
    pub connections: u32,
    /// Slots of all lookup tables together, 4 bytes each. Default 8,388,608.
    pub lookup_slots: u32,
    /// Firewall rules. Default 4,096.
    pub rules: u32,
    /// Firewall prefixes of each address family. Default 65,536.
    pub prefixes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            services: 4_096,
            backends: 16_384,
            connections: 262_144,
            lookup_slots: 8_388_608,
            rules: 4_096,
            prefixes: 65_536,
        }
    }
}

impl Limits {
    /// Entries of a map that is indexed by backend id: ids run from 1 to `backends`.
    pub const fn backend_entries(&self) -> u32 {
        self.backends.saturating_add(1)
    }

    /// Entries of a map that is indexed by rule id: ids run from 1 to one more than `rules`, as the
    /// firewall's default has one too.
    pub const fn rule_entries(&self) -> u32 {
        self.rules.saturating_add(2)
    }
}

/// Where in the receive path an XDP program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum XdpMode {
    /// Native where the driver supports it, else generic with a warning.
    #[default]
    Auto,
    /// In the driver.
    Native,
    /// In the network stack, after the kernel built its packet buffer.
    Generic,
}

/// `[nat]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatConfig {
    /// Source addresses of translated packets; empty: this host's own address towards a backend.
    pub addresses: Vec<IpAddr>,
    /// Source ports of translated packets. Default 40000-59999.
    pub ports: PortRange,
}

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port, not below `first`.
    pub last: u16,
}

impl Default for PortRange {
    fn default() -> Self {
        Self { first: 40_000, last: 59_999 }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

/// `[api]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Path of the Unix socket. Default `/run/loadbalancer/api.sock`.
    pub socket: PathBuf,
    /// TCP address of the read-only listener; `None` for none.
    pub listen: Option<SocketAddr>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { socket: PathBuf::from("/run/loadbalancer/api.sock"), listen: None }
    }
}

/// `[[service]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Unique among services.
    pub name: String,
    /// VIP and port; port 0 is every port.
    pub address: SocketAddr,
    /// Transport protocol. Default TCP.
    pub protocol: Protocol,
    /// How packets reach a backend. Default `nat`.
    pub forward: Forward,
    /// How a flow's backend is chosen. Default `maglev`.
    pub algorithm: Algorithm,
    /// Slots of the lookup table, a prime. Default 65,537.
    pub table_size: u32,
    /// Backups are used only while fewer than this many other backends are up. Default 1.
    pub min_healthy: u32,
    /// How backends are checked.
    pub health: HealthConfig,
    /// How connection ids name backends, for QUIC; `None` for services that do not look at them.
    pub quic: Option<QuicConfig>,
    /// The backends, in the order of the file.
    pub backends: Vec<BackendConfig>,
}

/// Transport protocol of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// How packets reach a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// Source and destination translated; replies come back through this host.
    #[default]
    Nat,
    /// Only MAC addresses change; the backend answers the client itself.
    Dsr,
}

/// How a flow's backend is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Consistent hashing of the flow's addresses and ports, weighted.
    #[default]
    Maglev,
}

/// `[[service.backend]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendConfig {
    /// Unique within the service. Default: the address.
    pub name: String,
    /// Address and port; port 0 keeps the port that the client used.
    pub address: SocketAddr,
    /// Share of new flows relative to the others, 0 to 1000; 0 takes none. Default 100.
    pub weight: u16,
    /// Used only while too few of the others are up.
    pub backup: bool,
    /// What the operator wants of it.
    pub state: AdminState,
    /// What names it in connection ids, where the service has `quic`: 1 to 15 bytes.
    pub server_id: Option<Vec<u8>>,
}

/// What the operator wants of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdminState {
    /// Takes flows while it is healthy.
    #[default]
    Enabled,
    /// Takes no new flows, keeps those it has.
    Draining,
    /// Takes nothing and is not checked.
    Disabled,
}

/// `[service.health]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// What is asked.
    pub kind: CheckKind,
    /// Time from one check to the next. Default 1 s.
    pub interval: Duration,
    /// Longest wait for an answer, at most the interval. Default 500 ms, or a shorter interval.
    pub timeout: Duration,
    /// Good answers in a row to go up. Default 2.
    pub rise: u32,
    /// Bad answers in a row to go down. Default 2.
    pub fall: u32,
    /// Port to ask on, where it is not the backend's own.
    pub port: Option<u16>,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            kind: CheckKind::None,
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            rise: 2,
            fall: 2,
            port: None,
        }
    }
}

/// What a health check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Nothing: the backend counts as healthy.
    None,
    /// A TCP handshake.
    Tcp,
    /// An HTTP/1.1 GET; healthy when the status is 200 to 399.
    Http {
        /// Path and query. Default `/`.
        path: String,
        /// Host header; default: the backend's address.
        host: Option<String>,
    },
}

/// `[firewall]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirewallConfig {
    /// What happens to packets that no rule matches. Default pass.
    pub default: RuleAction,
    /// The rules, in the order of the file.
    pub rules: Vec<RuleConfig>,
}

/// `[[firewall.rule]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleConfig {
    /// Unique among rules.
    pub name: String,
    /// Source prefixes, at least one. The longest prefix that contains a packet's source decides.
    pub source: Vec<IpNet>,
    /// What happens to the packet.
    pub action: RuleAction,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// The packet goes on.
    #[default]
    Pass,
    /// The packet is dropped.
    Drop,
}
