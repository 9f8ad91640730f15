//! What a valid file means.

use std::{path::Path, time::Duration};

use super::{config, web};
use crate::config::{
    AdminState, Algorithm, CheckKind, Document, Forward, HealthConfig, Limits, PortRange, Protocol,
    RuleAction, XdpMode,
};

const WHOLE: &str = r#"
[datapath]
interfaces = ["eth0", "eth1"]
xdp_mode = "native"
pin_directory = "/sys/fs/bpf/edge"
[datapath.limits]
services = 10
backends = 20
connections = 1000
lookup_slots = 1_000
rules = 3
prefixes = 4

[nat]
addresses = ["192.0.2.1", "2001:db8::1"]
ports = "50000-50999"

[api]
socket = "/run/edge.sock"
listen = "[::1]:9117"

[[service]]
name = "web"
address = "[2001:db8::10]:443"
protocol = "tcp"
forward = "nat"
algorithm = "maglev"
table_size = 101
min_healthy = 2
[service.health]
type = "http"
path = "/healthz"
host = "www.example.com"
port = 8081
interval = "2s"
timeout = "250ms"
rise = 3
fall = 4
[[service.backend]]
name = "web-1"
address = "[2001:db8::11]:8443"
weight = 7
backup = true
state = "draining"
[[service.backend]]
address = "2001:db8::12"

[firewall]
default = "drop"
[[firewall.rule]]
name = "office"
source = ["198.51.100.0/24", "2001:db8:bad::/48", "203.0.113.7"]
action = "pass"
"#;

#[test]
fn every_key_is_read() {
    let config = config(WHOLE);
    assert_eq!(config.datapath.interfaces, ["eth0", "eth1"]);
    assert_eq!(config.datapath.xdp_mode, XdpMode::Native);
    assert_eq!(config.datapath.pin_directory, Path::new("/sys/fs/bpf/edge"));
    let limits = Limits {
        services: 10,
        backends: 20,
        connections: 1_000,
        lookup_slots: 1_000,
        rules: 3,
        prefixes: 4,
    };
    assert_eq!(config.datapath.limits, limits);
    assert_eq!(config.nat.addresses.len(), 2);
    assert_eq!(config.nat.ports, PortRange { first: 50_000, last: 50_999 });
    assert_eq!(config.api.socket, Path::new("/run/edge.sock"));
    assert_eq!(config.api.listen, Some("[::1]:9117".parse().unwrap()));
    let [service] = config.services.as_slice() else { panic!("one service") };
    assert_eq!((service.table_size, service.min_healthy), (101, 2));
    let health = HealthConfig {
        kind: CheckKind::Http {
            path: "/healthz".to_owned(),
            host: Some("www.example.com".to_owned()),
        },
        interval: Duration::from_secs(2),
        timeout: Duration::from_millis(250),
        rise: 3,
        fall: 4,
        port: Some(8_081),
    };
    assert_eq!(service.health, health);
    let [first, second] = service.backends.as_slice() else { panic!("two backends") };
    assert_eq!(first.name, "web-1");
    assert_eq!(first.address, "[2001:db8::11]:8443".parse().unwrap());
    assert_eq!((first.weight, first.backup, first.state), (7, true, AdminState::Draining));
    assert_eq!(second.name, "2001:db8::12");
    assert_eq!(second.address, "[2001:db8::12]:443".parse().unwrap());
    assert_eq!(config.firewall.default, RuleAction::Drop);
    let sources: Vec<String> =
        config.firewall.rules[0].source.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["198.51.100.0/24", "2001:db8:bad::/48", "203.0.113.7/32"]);
}

#[test]
fn an_empty_file_has_the_defaults() {
    let config = config("");
    assert_eq!(Document::empty().config(), &config);
    assert!(config.datapath.interfaces.is_empty() && config.services.is_empty());
    assert_eq!(config.datapath.limits, Limits::default());
    assert_eq!(config.datapath.pin_directory, Path::new("/sys/fs/bpf/loadbalancer"));
    assert_eq!(config.api.socket, Path::new("/run/loadbalancer/api.sock"));
    assert_eq!(config.api.listen, None);
    assert_eq!(config.nat.ports, PortRange { first: 40_000, last: 59_999 });
    assert_eq!(config.firewall.default, RuleAction::Pass);
}

#[test]
fn a_short_service_has_the_defaults() {
    let config = config(&web("", "address = \"10.0.0.11\""));
    let service = &config.services[0];
    assert_eq!(service.protocol, Protocol::Tcp);
    assert_eq!(service.forward, Forward::Nat);
    assert_eq!(service.algorithm, Algorithm::Maglev);
    assert_eq!((service.table_size, service.min_healthy), (65_537, 1));
    let health = HealthConfig { kind: CheckKind::Tcp, ..HealthConfig::default() };
    assert_eq!(service.health, health);
    let backend = &service.backends[0];
    assert_eq!((backend.name.as_str(), backend.weight, backend.backup), ("10.0.0.11", 100, false));
    assert_eq!(backend.address, "10.0.0.11:80".parse().unwrap());
    assert_eq!(backend.state, AdminState::Enabled);
}

#[test]
fn services_that_need_not_answer_are_not_checked() {
    let udp = config(&web("protocol = \"udp\"", "address = \"10.0.0.11\""));
    assert_eq!(udp.services[0].health.kind, CheckKind::None);
    let every_port = config("[[service]]\nname = \"all\"\naddress = \"192.0.2.10:0\"");
    assert_eq!(every_port.services[0].health.kind, CheckKind::None);
}

#[test]
fn a_udp_service_may_be_checked_over_http() {
    let text = web(
        "protocol = \"udp\"\nhealth = { type = \"http\", port = 8080 }",
        "address = \"10.0.0.11\"",
    );
    assert_eq!(config(&text).services[0].health.port, Some(8_080));
}

#[test]
fn a_short_interval_shortens_the_default_timeout() {
    let text = web("health = { interval = \"200ms\" }", "address = \"10.0.0.11\"");
    assert_eq!(config(&text).services[0].health.timeout, Duration::from_millis(200));
}

#[test]
fn services_may_share_a_vip() {
    let config = config(
        "[[service]]\nname = \"a\"\naddress = \"192.0.2.10:53\"\n\
         [[service]]\nname = \"b\"\naddress = \"192.0.2.10:53\"\nprotocol = \"udp\"\n\
         [[service]]\nname = \"c\"\naddress = \"192.0.2.10:0\"\n\
         [[service.backend]]\naddress = \"10.0.0.1\"\n",
    );
    assert_eq!(config.services[2].backends[0].address, "10.0.0.1:0".parse().unwrap());
}
