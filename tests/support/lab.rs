//! A lab: a network, and the daemon between its clients and its backends.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::addresses::Family;
use crate::backend::Backend;
use crate::command::Finished;
use crate::config::Config;
use crate::daemon::{Daemon, binary};
use crate::host::Host;
use crate::network::{Network, Plan};
use crate::router::Routed;
use crate::switch::ETHERNET_MTU;
use crate::{leftovers, stats, wait_until};

/// Longest wait for all backends to be healthy after the start.
const HEALTHY_LIMIT: Duration = Duration::from_secs(15);

/// How a lab is made.
#[must_use]
#[derive(Clone, Debug)]
pub struct LabBuilder {
    config: Config,
    clients: u8,
    backends: u8,
    mtu: u32,
    routed: Option<Routed>,
    binary: Option<PathBuf>,
}

impl LabBuilder {
    /// Number of clients; 1 unless said.
    pub fn clients(mut self, clients: u8) -> Self {
        self.clients = clients;
        self
    }

    /// Number of backends; as many as the largest service has unless said.
    pub fn backends(mut self, backends: u8) -> Self {
        self.backends = backends;
        self
    }

    /// Largest packet of every link; Ethernet's 1,500 bytes unless said.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.mtu = mtu;
        self
    }

    /// A router before the clients, and maybe before the backends; none unless said.
    pub fn routed(mut self, routed: Routed) -> Self {
        self.routed = Some(routed);
        self
    }

    /// The binary to run; the one that [`binary`] finds unless said.
    pub fn binary(mut self, binary: PathBuf) -> Self {
        self.binary = Some(binary);
        self
    }

    /// Makes the network, starts the daemon, and waits until every backend is healthy.
    pub fn start(self) -> Result<Lab> {
        let plan = self.plan();
        let binary = self.binary.map_or_else(binary, Ok)?;
        let network = Network::create(&plan)?;
        let daemon = Daemon::new(network.name(), network.balancer(), binary);
        daemon.write_config(&self.config)?;
        daemon.start()?;
        let lab = Lab { daemon, network };
        let healthy = || {
            lab.states()?.iter().try_for_each(|(backend, state)| {
                ensure!(state == "healthy", "{backend} is {state}");
                Ok(())
            })
        };
        wait_until(HEALTHY_LIMIT, "all backends to be healthy", healthy)?;
        Ok(lab)
    }

    fn plan(&self) -> Plan {
        Plan {
            clients: self.clients,
            backends: self.backends,
            programs: self.config.programs(),
            vips: self.config.vips(|_| true),
            local_vips: self.config.vips(|service| service.forward.keeps_vip()),
            mtu: self.mtu,
            routed: self.routed,
        }
    }
}

/// A network with a running daemon. All of it goes when dropped.
#[derive(Debug)]
pub struct Lab {
    // Dropped before the network that it works on.
    daemon: Daemon,
    network: Network,
}

impl Lab {
    /// A lab whose daemon runs with `config`.
    pub fn with(config: Config) -> LabBuilder {
        let backends = config.services.iter().map(|service| service.backends.len()).max();
        let backends = backends.and_then(|count| u8::try_from(count).ok()).unwrap_or(0);
        LabBuilder { config, clients: 1, backends, mtu: ETHERNET_MTU, routed: None, binary: None }
    }

    /// The daemon.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Client `number`, counted from 1.
    pub fn client(&self, number: usize) -> Result<&Host> {
        let index = number.checked_sub(1).context("clients are counted from 1")?;
        self.network.clients().get(index).with_context(|| format!("there is no client {number}"))
    }

    /// The backend with this name.
    pub fn backend(&self, name: &str) -> Result<&Backend> {
        let found = self.network.backends().iter().find(|backend| backend.name() == name);
        found.with_context(|| format!("there is no backend {name}"))
    }

    /// Name of the backend that has an address, to read answers that are addresses.
    pub fn backend_at(&self, address: IpAddr) -> Option<&str> {
        let at = |backend: &&Backend| {
            Family::BOTH.iter().any(|&family| backend.host().address(family) == address)
        };
        self.network.backends().iter().find(at).map(Backend::name)
    }

    /// Runs a command of the CLI, whatever it answers.
    pub fn cli<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Finished> {
        self.daemon.cli(arguments)
    }

    /// `loadbalancer stats --json`.
    pub fn stats(&self) -> Result<Value> {
        self.daemon.json(["stats"])
    }

    /// Every backend's name and state, as `loadbalancer health` tells them.
    pub fn states(&self) -> Result<Vec<(String, String)>> {
        let health = self.daemon.json(["health"])?;
        stats::list(&health, "backends")?
            .iter()
            .map(|entry| Ok((stats::text(entry, "backend")?, stats::text(entry, "state")?)))
            .collect()
    }

    /// Waits until a backend is in a state, for at most `limit`; returns how long it took.
    pub fn wait_for_state(&self, backend: &str, state: &str, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        wait_until(limit, &format!("{backend} to be {state}"), || {
            let states = self.states()?;
            let found = states.iter().any(|(name, now)| name == backend && now == state);
            ensure!(found, "{states:?}");
            Ok(())
        })?;
        Ok(start.elapsed())
    }

    /// Removes the daemon's programs and maps.
    pub fn detach(&self) -> Result<String> {
        self.daemon.detach()
    }

    /// Leaves everything running when the owner ends; [`leftovers::remove_kept`] removes it.
    pub fn keep(self) -> Result<()> {
        leftovers::mark_kept(self.network.name())?;
        // What would end it all is the drop.
        std::mem::forget(self);
        Ok(())
    }
}
