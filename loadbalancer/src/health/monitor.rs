//! All backends under watch: who is asked, and what is known of each.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex},
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::Instant,
};

use super::{
    BackendName, Health, HealthEvent, Target, check,
    threshold::Threshold,
    watch::{Watch, lock},
};

/// Checks that are in flight at the same time, at most; further ones wait for their turn.
///
/// Each holds a file descriptor, and 1,024 are the usual limit of a process. At a timeout of
/// 500 ms this is enough for 1,000 checks a second that nobody answers, and for many times that
/// number of checks that are answered.
pub const MAX_CHECKS_IN_FLIGHT: usize = 512;

/// Keeps the health of backends by asking them. Dropping it stops all checks.
#[derive(Debug)]
pub struct Monitor {
    runtime: Handle,
    events: mpsc::Sender<HealthEvent>,
    permits: Arc<Semaphore>,
    backends: Mutex<BTreeMap<BackendName, Watched>>,
}

/// A backend under watch.
#[derive(Debug)]
struct Watched {
    target: Target,
    health: Arc<Mutex<Health>>,
    /// `None` where nothing is asked.
    _task: Option<Task>,
}

/// A task that ends with its handle.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Monitor {
    /// A monitor without targets that sends to `events`: the first answer of each backend and
    /// each change of health. When the queue is full, checks wait. Call it within a Tokio runtime.
    pub fn start(events: mpsc::Sender<HealthEvent>) -> Self {
        Self {
            runtime: Handle::current(),
            events,
            permits: Arc::new(Semaphore::new(MAX_CHECKS_IN_FLIGHT)),
            backends: Mutex::default(),
        }
    }

    /// Replaces what is watched.
    ///
    /// - A target that is the same as before goes on as if nothing happened.
    /// - With another check but the same address, a healthy backend stays so until the new check
    ///   says otherwise by `fall`; an unhealthy one follows the new check's first answer.
    /// - A new target, or one with another address, is asked at once. It is unhealthy until its
    ///   first answer, which decides alone, unless it is assumed to be healthy. A target of kind
    ///   `none` is healthy at once.
    /// - What is not among `targets` is no longer asked, and forgotten.
    ///
    /// What is known without an answer is in [`Self::snapshot`] on return; no event tells it.
    pub fn set_targets(&self, targets: Vec<Target>) {
        let mut backends = lock(&self.backends);
        let mut before = mem::take(&mut *backends);
        for target in targets {
            let known = before.remove(&target.name);
            let watched = match known {
                Some(known) if known.is_asked_like(&target) => known,
                Some(known) if known.target.address == target.address => {
                    let health = lock(&known.health).clone();
                    self.watch(target, Some(health))
                }
                Some(_) | None => self.watch(target, None),
            };
            backends.insert(watched.target.name.clone(), watched);
        }
    }

    /// What is known of a backend; `None` when it is not watched.
    pub fn health(&self, name: &BackendName) -> Option<Health> {
        lock(&self.backends).get(name).map(Watched::health)
    }

    /// What is known of every backend that is watched.
    pub fn snapshot(&self) -> BTreeMap<BackendName, Health> {
        let backends = lock(&self.backends);
        backends.iter().map(|(name, watched)| (name.clone(), watched.health())).collect()
    }

    fn watch(&self, target: Target, before: Option<Health>) -> Watched {
        let check = check::for_kind(&target.check.kind);
        let was_healthy = before.as_ref().map_or(target.assume_healthy, |health| health.healthy);
        let healthy = was_healthy || check.is_none();
        let health = before.filter(|health| health.healthy == healthy).unwrap_or_else(|| Health {
            healthy,
            since: Instant::now().into_std(),
            latency: None,
            last_error: None,
        });
        let health = Arc::new(Mutex::new(health));
        let settings = &target.check;
        let mut address = target.address;
        address.set_port(settings.port.unwrap_or(address.port()));
        let task = check.map(|check| {
            let start = if healthy { Threshold::healthy } else { Threshold::unknown };
            let watch = Watch {
                name: target.name.clone(),
                address,
                check,
                interval: settings.interval,
                timeout: settings.timeout,
                threshold: start(settings.rise, settings.fall),
                health: Arc::clone(&health),
                events: self.events.clone(),
                permits: Arc::clone(&self.permits),
            };
            Task(self.runtime.spawn(watch.run()))
        });
        Watched { target, health, _task: task }
    }
}

impl Watched {
    fn is_asked_like(&self, target: &Target) -> bool {
        self.target.address == target.address && self.target.check == target.check
    }

    fn health(&self) -> Health {
        lock(&self.health).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, SocketAddr},
        time::Duration,
    };

    use tokio::{net::TcpListener, time::timeout};

    use super::*;
    use crate::config::{CheckKind, HealthConfig};

    const DEADLINE: Duration = Duration::from_secs(5);

    fn name(backend: &str) -> BackendName {
        BackendName { service: "web".to_owned(), backend: backend.to_owned() }
    }

    fn target(backend: &str, address: SocketAddr, kind: CheckKind) -> Target {
        let check = HealthConfig {
            kind,
            interval: Duration::from_millis(20),
            timeout: DEADLINE,
            rise: 2,
            fall: 2,
            port: None,
        };
        Target { name: name(backend), address, check, assume_healthy: false }
    }

    fn impatient_http(backend: &str, address: SocketAddr) -> Target {
        let kind = CheckKind::Http { path: "/".to_owned(), host: None };
        let mut target = target(backend, address, kind);
        target.check.timeout = Duration::from_millis(20);
        target
    }

    fn start() -> (Monitor, mpsc::Receiver<HealthEvent>) {
        let (sender, events) = mpsc::channel(16);
        (Monitor::start(sender), events)
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn next(events: &mut mpsc::Receiver<HealthEvent>) -> (String, bool, Option<String>) {
        let event = timeout(DEADLINE, events.recv()).await.unwrap().unwrap();
        (event.name.backend, event.health.healthy, event.health.last_error)
    }

    #[tokio::test]
    async fn a_backend_goes_up_down_and_up_with_its_listener() {
        let (monitor, mut events) = start();
        let (accepting, address) = listener().await;
        monitor.set_targets(vec![target("a", address, CheckKind::Tcp)]);
        assert!(!monitor.health(&name("a")).unwrap().healthy);
        assert_eq!(next(&mut events).await, ("a".to_owned(), true, None));
        drop(accepting);
        let refused = Some("connection refused".to_owned());
        assert_eq!(next(&mut events).await, ("a".to_owned(), false, refused));
        let _accepting = TcpListener::bind(address).await.unwrap();
        assert_eq!(next(&mut events).await, ("a".to_owned(), true, None));
        let health = monitor.health(&name("a")).unwrap();
        assert!(health.healthy && health.latency.is_some());
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_says_nothing_times_out() {
        let (monitor, mut events) = start();
        let (_silent, address) = listener().await;
        monitor.set_targets(vec![impatient_http("a", address)]);
        let late = Some("timed out after 20 ms".to_owned());
        assert_eq!(next(&mut events).await, ("a".to_owned(), false, late));
    }

    #[tokio::test]
    async fn the_port_of_the_check_replaces_the_port_of_the_backend() {
        let (monitor, mut events) = start();
        let (_accepting, address) = listener().await;
        let mut target = target("a", (Ipv4Addr::LOCALHOST, 0).into(), CheckKind::Tcp);
        target.check.port = Some(address.port());
        monitor.set_targets(vec![target]);
        assert_eq!(next(&mut events).await, ("a".to_owned(), true, None));
    }

    #[tokio::test]
    async fn kind_none_is_healthy_at_once() {
        let (monitor, _events) = start();
        monitor.set_targets(vec![target("a", ([192, 0, 2, 1], 80).into(), CheckKind::None)]);
        assert!(monitor.health(&name("a")).unwrap().healthy);
    }

    #[tokio::test]
    async fn an_assumed_backend_is_healthy_until_fall() {
        let (monitor, mut events) = start();
        let (closed, address) = listener().await;
        drop(closed);
        let assumed = Target { assume_healthy: true, ..target("a", address, CheckKind::Tcp) };
        monitor.set_targets(vec![assumed.clone()]);
        assert!(monitor.health(&name("a")).unwrap().healthy);
        monitor.set_targets(vec![Target { assume_healthy: false, ..assumed }]);
        assert!(monitor.health(&name("a")).unwrap().healthy);
        assert!(!next(&mut events).await.1);
        assert!(!monitor.snapshot()[&name("a")].healthy);
    }

    #[tokio::test]
    async fn unchanged_targets_keep_their_state_and_removed_ones_are_forgotten() {
        let (monitor, mut events) = start();
        let (_accepting, address) = listener().await;
        let (a, b) = (target("a", address, CheckKind::Tcp), target("b", address, CheckKind::Tcp));
        monitor.set_targets(vec![a.clone()]);
        next(&mut events).await;
        let known = monitor.health(&name("a")).unwrap();
        monitor.set_targets(vec![a, b.clone()]);
        assert_eq!(monitor.health(&name("a")).unwrap().since, known.since);
        assert!(monitor.health(&name("a")).unwrap().healthy);
        assert_eq!(next(&mut events).await, ("b".to_owned(), true, None));
        monitor.set_targets(vec![b]);
        assert_eq!(monitor.health(&name("a")), None);
        assert_eq!(monitor.snapshot().len(), 1);
    }

    #[tokio::test]
    async fn another_check_of_the_same_address_keeps_a_healthy_backend_up() {
        let (monitor, mut events) = start();
        let (_silent, address) = listener().await;
        monitor.set_targets(vec![target("a", address, CheckKind::Tcp)]);
        assert!(next(&mut events).await.1);
        monitor.set_targets(vec![impatient_http("a", address)]);
        assert!(monitor.health(&name("a")).unwrap().healthy);
        assert!(!next(&mut events).await.1);
    }

    #[tokio::test]
    async fn another_address_begins_anew() {
        let (monitor, mut events) = start();
        let (_accepting, address) = listener().await;
        monitor.set_targets(vec![target("a", address, CheckKind::Tcp)]);
        assert!(next(&mut events).await.1);
        let (_other, address) = listener().await;
        monitor.set_targets(vec![target("a", address, CheckKind::Tcp)]);
        assert!(!monitor.health(&name("a")).unwrap().healthy);
        assert!(next(&mut events).await.1);
    }

    #[tokio::test]
    async fn a_dropped_monitor_asks_no_more() {
        let (monitor, mut events) = start();
        let (_accepting, address) = listener().await;
        monitor.set_targets(vec![target("a", address, CheckKind::Tcp)]);
        next(&mut events).await;
        drop(monitor);
        assert_eq!(timeout(DEADLINE, events.recv()).await, Ok(None));
    }
}
