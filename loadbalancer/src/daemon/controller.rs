//! The task that owns the state: it takes requests, answers of checks and news of the network one
//! at a time, and brings the data plane to what follows from them.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use super::{
    handle::{Changed, ControlError, Request},
    plane::{Plane, PlaneError},
    report,
    signals::{Asked, Signals},
};
use crate::{
    config::{AdminState, Config, Document, Edit, differences},
    engine::{EngineError, Plan},
    health::{BackendName, HealthEvent, Monitor, Target},
    network::{NextHops, Resolver},
    stats::{self, HealthReport, InterfaceStatus, Moment, Sampler, Stats, Status},
};

const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Changes of health that are taken together before the maps change.
const EVENTS_AT_ONCE: usize = 1_024;

/// The state of the daemon.
pub(super) struct Controller {
    pub(super) document: Document,
    pub(super) plane: Plane,
    pub(super) monitor: Monitor,
    pub(super) resolver: Resolver,
    pub(super) next_hops: watch::Receiver<NextHops>,
    pub(super) interfaces: Vec<InterfaceStatus>,
    pub(super) ifindexes: Vec<u32>,
    pub(super) sampler: Sampler,
    pub(super) started: Instant,
}

/// What wakes the controller.
pub(super) struct Inbox {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) health: mpsc::Receiver<HealthEvent>,
    pub(super) signals: Signals,
}

impl Controller {
    /// Runs until the operating system asks the daemon to end.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        let mut next_hops = self.next_hops.clone();
        let mut sample = interval(SAMPLE_INTERVAL);
        sample.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut events = Vec::new();
        loop {
            tokio::select! {
                asked = inbox.signals.next() => match asked {
                    Asked::Stop => return,
                    Asked::Reload => self.reload_by_signal(),
                },
                request = inbox.requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                _ = inbox.health.recv_many(&mut events, EVENTS_AT_ONCE) => {
                    events.clear(); // what counts is the monitor's state
                    self.refresh();
                }
                Ok(()) = next_hops.changed() => self.refresh(),
                _ = sample.tick() => self.sample(),
            }
        }
    }

    /// Brings the maps to what health and next hops are now. A refusal is logged: the next news
    /// tries again.
    pub(super) fn refresh(&mut self) {
        let config = self.document.config().clone();
        if let Err(error) = self.converge(&config) {
            tracing::error!(%error, hint = error.hint(), "the maps could not be changed");
        }
    }

    fn converge(&mut self, config: &Config) -> Result<(), PlaneError> {
        let plan = self.plan(config)?;
        self.plane.apply(plan)
    }

    /// What the maps would hold. A backend behind an interface that is not attached counts as
    /// unreachable: its replies would not come through the program, nor frames sent to it arrive
    /// on every driver.
    pub(super) fn plan(&self, config: &Config) -> Result<Plan, EngineError> {
        let mut next_hops = self.next_hops.borrow().as_ref().clone();
        next_hops.retain(|_, hop| self.ifindexes.contains(&hop.ifindex));
        self.plane.plan(config, &self.monitor.snapshot(), &next_hops)
    }

    fn sample(&mut self) {
        let maps = self.plane.datapath.maps();
        if let Err(error) = self.sampler.sample(Instant::now(), &self.plane.catalog, maps) {
            tracing::warn!(%error, "no rates: the counters cannot be read");
        }
    }

    /// Tells checks and resolver what the configuration names.
    pub(super) fn watch_backends(&self, config: &Config) {
        let mut targets = Vec::new();
        let mut addresses: Vec<IpAddr> = Vec::new();
        for service in &config.services {
            for backend in &service.backends {
                addresses.push(backend.address.ip());
                if backend.state != AdminState::Disabled {
                    targets.push(Target {
                        name: BackendName {
                            service: service.name.clone(),
                            backend: backend.name.clone(),
                        },
                        address: backend.address,
                        check: service.health.clone(),
                        assume_healthy: self.plane.serves(service, backend),
                    });
                }
            }
        }
        self.monitor.set_targets(targets);
        self.resolver.set_addresses(addresses);
    }

    fn answer(&mut self, request: Request) {
        // Whoever asked may have gone: then nobody misses the answer.
        let _unsent = match request {
            Request::Edit(edit, reply) => reply.send(self.edit(&edit)).err().map(drop),
            Request::Reload(reply) => reply.send(self.reload()).err().map(drop),
            Request::Config(reply) => reply.send(Ok(self.document.shown())).err().map(drop),
            Request::Status(reply) => reply.send(self.status()).err().map(drop),
            Request::Stats { per_cpu, reply } => reply.send(self.stats(per_cpu)).err().map(drop),
            Request::Health(reply) => reply.send(Ok(self.health())).err().map(drop),
        };
    }

    fn edit(&mut self, edit: &Edit) -> Result<Changed, ControlError> {
        let (next, changes) = self.document.edited(edit)?;
        self.adopt(next, true)?;
        for change in &changes {
            tracing::info!("{change}");
        }
        Ok(Changed { changes })
    }

    fn reload(&mut self) -> Result<Changed, ControlError> {
        let Some(path) = self.document.path().map(ToOwned::to_owned) else {
            return Err(ControlError::Refused {
                message: "the daemon runs without a configuration file".into(),
                hint: "start it with `--config FILE`, or change it by commands".into(),
            });
        };
        let next = Document::load(&path)?;
        let mut changes = differences(self.document.config(), next.config());
        changes.extend(after_restart(self.document.config(), next.config()));
        self.adopt(next, false)?;
        tracing::info!(file = %path.display(), changes = changes.len(), "reloaded");
        Ok(Changed { changes })
    }

    fn reload_by_signal(&mut self) {
        if let Err(error) = self.reload() {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, hint = error.hint(), "not reloaded; nothing changed");
        }
    }

    /// Makes `next` the configuration that runs, all or nothing: what does not fit in the maps or
    /// cannot be written to the file changes nothing.
    fn adopt(&mut self, mut next: Document, save: bool) -> Result<(), ControlError> {
        let plan = self.plan(next.config()).map_err(|error| refused(&error.into()))?;
        let config = next.config().clone();
        self.plane.reserve_ports(&config);
        let applied = self.plane.apply(plan).map_err(|error| refused(&error));
        let saved = applied.and_then(|()| if save { Ok(next.save()?) } else { Ok(()) });
        if let Err(error) = saved {
            let former = self.document.config().clone();
            self.plane.reserve_ports(&former);
            self.refresh();
            return Err(error);
        }
        self.document = next;
        self.watch_backends(&config);
        // Checks of kind `none` and states that carry over are known at once.
        self.refresh();
        Ok(())
    }

    fn stats(&self, per_cpu: bool) -> Result<Stats, ControlError> {
        let now = Instant::now();
        let uptime = now.duration_since(self.started);
        let interfaces = self.interfaces.clone();
        let moment = Moment { now, uptime, interfaces, per_cpu };
        stats::collect(&self.plane.catalog, self.plane.datapath.maps(), &self.sampler, moment)
            .map_err(|error| unreadable(&error))
    }

    fn health(&self) -> HealthReport {
        let health = self.monitor.snapshot();
        report::health(self.document.config(), &self.plane.catalog, &health, self.started)
    }

    fn status(&self) -> Result<Status, ControlError> {
        let config = self.document.config();
        let catalog = &self.plane.catalog;
        let next_hops = self.next_hops.borrow().clone();
        let events =
            stats::events(self.plane.datapath.maps()).map_err(|error| unreadable(&error))?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            config: self.document.path().map(|path| path.display().to_string()),
            pin_directory: self.plane.datapath.pin_directory().display().to_string(),
            interfaces: self.interfaces.clone(),
            services: config.services.len(),
            backends: report::states(catalog),
            firewall_rules: config.firewall.rules.len(),
            events,
            warnings: report::warnings(
                config,
                catalog,
                &self.interfaces,
                &self.resolver.unresolved(),
                &next_hops,
                &self.ifindexes,
            ),
        })
    }
}

/// Settings that changed and that a running daemon does not take over.
fn after_restart(old: &Config, new: &Config) -> Vec<String> {
    let sections = [("datapath", old.datapath != new.datapath), ("api", old.api != new.api)];
    let changed = sections.iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| format!("[{name}] takes effect when the daemon restarts")).collect()
}

fn refused(error: &PlaneError) -> ControlError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    ControlError::Refused {
        message: format!("{error}{}", cause.unwrap_or_default()),
        hint: error.hint(),
    }
}

fn unreadable(error: &stats::SourceError) -> ControlError {
    ControlError::Refused {
        message: format!("{error}: {}", error.source),
        hint: "see the daemon's log; `loadbalancer detach` and a restart make new maps".into(),
    }
}
