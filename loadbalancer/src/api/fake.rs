//! A daemon for tests: answers the requests of a handle with fixed texts and numbers.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};

use super::Socket;
use crate::{
    config::{Algorithm, ConfigError, Edit, Forward, Protocol, RuleAction},
    daemon::{Changed, ControlError, Handle, Request},
    stats::{
        BackendHealth, BackendState, BackendStats, CpuCounters, HealthReport, InterfaceStatus,
        Rates, RuleStats, ServiceStats, Stats, Status,
    },
};

pub(crate) const CONFIG: &str = r#"# the office
[[service]]
name = "web"
address = "192.0.2.10:80"

[[firewall.rule]]
name = "no-ssh"
source = ["198.51.100.0/24", "2001:db8:bad::/48"]
action = "drop"
"#;

/// A socket that a fake daemon answers on, until this is dropped.
pub(crate) struct FakeDaemon {
    directory: TempDir,
    edits: Arc<Mutex<Vec<Edit>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl FakeDaemon {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let edits = Arc::new(Mutex::new(Vec::new()));
        let (handle, controller) = controller(Arc::clone(&edits));
        let socket = Socket::open(&directory.path().join("run/api.sock")).unwrap();
        let server = tokio::spawn(async move {
            socket.serve(handle, std::future::pending()).await.unwrap();
        });
        Self { directory, edits, tasks: vec![controller, server] }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("run/api.sock")
    }

    /// What was asked to change, in order.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        self.edits.lock().unwrap().clone()
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A handle and the task that answers its requests.
pub(crate) fn controller(edits: Arc<Mutex<Vec<Edit>>>) -> (Handle, JoinHandle<()>) {
    let (requests, mut queue) = mpsc::channel(4);
    let task = tokio::spawn(async move {
        while let Some(request) = queue.recv().await {
            answer(request, &edits);
        }
    });
    (Handle::new(requests), task)
}

fn answer(request: Request, edits: &Mutex<Vec<Edit>>) {
    match request {
        Request::Edit(edit, reply) => {
            edits.lock().unwrap().push(edit.clone());
            reply.send(changed(&edit)).unwrap();
        }
        Request::Reload(reply) => reply.send(Ok(Changed { changes: Vec::new() })).unwrap(),
        Request::Config(reply) => reply.send(Ok(CONFIG.to_owned())).unwrap(),
        Request::Status(reply) => reply.send(Ok(status())).unwrap(),
        Request::Stats { per_cpu, reply } => reply.send(Ok(stats(per_cpu))).unwrap(),
        Request::Health(reply) => reply.send(Ok(health())).unwrap(),
    }
}

/// Knows the services `web` and `dns` and the backend `web-1`, and refuses bad addresses.
fn changed(edit: &Edit) -> Result<Changed, ControlError> {
    let missing = |message: String, hint: &str| {
        Err(ConfigError::Edit { message, hint: hint.to_owned() }.into())
    };
    let unfit = |message: String, hint: &str| {
        Err(ConfigError::Unfit { message, hint: hint.to_owned() }.into())
    };
    let done = |change: String| Ok(Changed { changes: vec![change] });
    match edit {
        Edit::AddService(service) if service.name == "web" => {
            unfit("there is a service web already".to_owned(), "choose another name")
        }
        Edit::AddService(service) => {
            done(format!("added service {} ({}/tcp)", service.name, service.address))
        }
        Edit::AddBackend { service, .. }
        | Edit::SetBackend { service, .. }
        | Edit::RemoveBackend { service, .. }
        | Edit::RemoveService { service }
            if service != "web" && service != "dns" =>
        {
            let hint = "`loadbalancer service list` shows the services";
            missing(format!("there is no service {service}"), hint)
        }
        Edit::AddBackend { backend, .. } if backend.address.starts_with("300.") => {
            Err(ConfigError::Invalid {
                place: "service web".to_owned(),
                message: format!("\"{}\" is not an address", backend.address),
                hint: "write it as `10.0.0.11:8080` or `[2001:db8::11]:8080`".to_owned(),
            }
            .into())
        }
        Edit::AddBackend { backend, .. } if backend.address == "10.0.0.11:8080" => {
            unfit("service web has a backend 10.0.0.11:8080 already".to_owned(), "")
        }
        Edit::AddBackend { service, backend } => {
            let address = &backend.address;
            let name = backend.name.as_ref().unwrap_or(address);
            done(format!("added backend {name} ({address}) to service {service}"))
        }
        Edit::SetBackend { settings, .. } if settings.weight > Some(1_000) => {
            unfit("`weight` is too large".to_owned(), "write a number from 0 to 1000")
        }
        Edit::SetBackend { backend, .. } => done(format!("changed backend {backend}")),
        Edit::RemoveBackend { service, backend } => {
            done(format!("removed backend {backend} from service {service}"))
        }
        Edit::RemoveService { service } => done(format!("removed service {service}")),
        Edit::AddRule(rule) if rule.name == "no-ssh" || rule.source.is_empty() => {
            unfit(format!("rule {} does not fit", rule.name), "choose another name or source")
        }
        Edit::RemoveRule { rule } if rule == "changed" => {
            Err(ConfigError::Changed { path: "/etc/loadbalancer.toml".into() }.into())
        }
        Edit::AddRule(rule) => done(format!("added rule {}", rule.name)),
        Edit::RemoveRule { rule } if rule == "broken" => Err(ControlError::Refused {
            message: "cannot write the firewall's prefixes".to_owned(),
            hint: "see the daemon's log".to_owned(),
        }),
        Edit::RemoveRule { rule } => done(format!("removed rule {rule}")),
    }
}

fn interfaces() -> Vec<InterfaceStatus> {
    vec![InterfaceStatus { name: "eth0".to_owned(), mode: "native".to_owned() }]
}

pub(crate) fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        pid: 4_242,
        uptime_seconds: 3_725.5,
        config: Some("/etc/loadbalancer.toml".to_owned()),
        pin_directory: "/sys/fs/bpf/loadbalancer".to_owned(),
        interfaces: interfaces(),
        services: 2,
        backends: [(BackendState::Healthy, 1), (BackendState::Unhealthy, 1)].into(),
        firewall_rules: 1,
        events: [("connection_moved".to_owned(), 0), ("nat_port_reused".to_owned(), 12)].into(),
        warnings: vec!["interface eth0: generic mode is several times slower".to_owned()],
    }
}

fn backend(name: &str, address: &str, state: BackendState) -> BackendStats {
    BackendStats {
        name: name.to_owned(),
        address: address.to_owned(),
        state,
        weight: 100,
        backup: false,
        active_connections: 0,
        packets: 0,
        bytes: 0,
        connections: 0,
        queries: 0,
        rates: Rates::default(),
        per_cpu: None,
    }
}

fn service(name: &str, address: &str, protocol: Protocol) -> ServiceStats {
    ServiceStats {
        name: name.to_owned(),
        address: address.to_owned(),
        protocol,
        forward: Forward::Nat,
        algorithm: Algorithm::Maglev,
        packets: 0,
        bytes: 0,
        connections: 0,
        queries: 0,
        rates: Rates::default(),
        per_cpu: None,
        backends: Vec::new(),
    }
}

pub(crate) fn stats(per_cpu: bool) -> Stats {
    let cpu = |cpu, packets| CpuCounters { cpu, packets, bytes: packets * 100, ..<_>::default() };
    let per_cpu = per_cpu.then(|| vec![cpu(0, 1_234_000), cpu(1, 567), cpu(2, 0)]);
    let rates = Rates {
        packets_per_second: 12_345.6,
        bits_per_second: 9_876_480.0,
        connections_per_second: 82.5,
        queries_per_second: 8_230.0,
    };
    let busy = BackendStats {
        active_connections: 431,
        packets: 1_234_567,
        bytes: 123_456_700,
        connections: 9_000,
        queries: 800_000,
        rates,
        per_cpu: per_cpu.clone(),
        ..backend("web-1", "10.0.0.11:8080", BackendState::Healthy)
    };
    let spare = BackendStats {
        backup: true,
        ..backend("web-2", "10.0.0.12:8080", BackendState::Unhealthy)
    };
    let leaving = backend("[2001:db8::13]:8080", "[2001:db8::13]:8080", BackendState::Draining);
    let web = ServiceStats {
        packets: 1_234_567,
        bytes: 123_456_700,
        connections: 9_000,
        queries: 800_000,
        rates,
        per_cpu,
        backends: vec![busy, spare, leaving],
        ..service("web", "192.0.2.10:80", Protocol::Tcp)
    };
    let dns = service("dns", "[2001:db8::53]:53", Protocol::Udp);
    Stats {
        uptime_seconds: 3_725.5,
        interfaces: interfaces(),
        services: vec![web, dns],
        firewall: vec![RuleStats {
            rule: "no-ssh".to_owned(),
            action: RuleAction::Drop,
            packets: 17,
            bytes: 1_020,
        }],
        drops: [("firewall", 17), ("malformed", 0), ("no_backend", 3)]
            .map(|(reason, count)| (reason.to_owned(), count))
            .into(),
    }
}

pub(crate) fn health() -> HealthReport {
    let backend = |backend: &str, address: &str, state, last_error: Option<&str>| BackendHealth {
        service: "web".to_owned(),
        backend: backend.to_owned(),
        address: address.to_owned(),
        state,
        check: "http".to_owned(),
        since_seconds: 95.0,
        latency_ms: last_error.is_none().then_some(1.25),
        last_error: last_error.map(str::to_owned),
    };
    HealthReport {
        backends: vec![
            backend("web-1", "10.0.0.11:8080", BackendState::Healthy, None),
            backend("web-2", "10.0.0.12:8080", BackendState::Unhealthy, Some("connection refused")),
        ],
    }
}
