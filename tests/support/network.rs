//! The network of a lab: clients, one load balancer and backends on one switch.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::addresses::{self, Family};
use crate::backend::Backend;
use crate::host::Host;
use crate::name::LabName;
use crate::namespace::report;
use crate::switch::Switch;
use crate::{bpffs, leftovers, wait_until};

/// Longest wait for hosts to reach each other once their cables are in.
const REACHABLE_LIMIT: Duration = Duration::from_secs(15);

/// How large a network is, and who has which VIP.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hosts called `client-1` and so on.
    pub clients: u8,
    /// Hosts called `web-1` and so on.
    pub backends: u8,
    /// Whether backends run a DNS server beside nginx.
    pub dns: bool,
    /// Addresses that the load balancer answers for on the switch.
    pub vips: Vec<IpAddr>,
    /// Those of them that backends have on loopback, for modes that keep the destination.
    pub local_vips: Vec<IpAddr>,
}

/// Hosts on a switch, with the backends' servers running. All of it goes when dropped.
#[derive(Debug)]
pub struct Network {
    // Dropped in this order: what uses the files goes before them.
    clients: Vec<Host>,
    balancer: Host,
    backends: Vec<Backend>,
    switch: Switch,
    files: Files,
}

impl Network {
    /// Makes the network and waits until the load balancer and every other host reach each other.
    pub fn create(plan: &Plan) -> Result<Self> {
        let files = Files::create(LabName::claim()?)?;
        let lab = &files.0;
        let switch = Switch::create(lab)?;
        let balancer = Host::create(lab, &switch, "lb", addresses::balancer, true)?;
        for &vip in &plan.vips {
            balancer.announce_vip(vip)?;
        }
        let clients = (1..=plan.clients)
            .map(|number| create_client(lab, &switch, number))
            .collect::<Result<_>>()?;
        let backends = (1..=plan.backends)
            .map(|number| create_backend(lab, &switch, number, plan))
            .collect::<Result<_>>()?;
        let network = Self { clients, balancer, backends, switch, files };
        network.wait_until_reachable()?;
        Ok(network)
    }

    /// Name of the lab.
    pub fn name(&self) -> &LabName {
        &self.files.0
    }

    /// The hosts called `client-1` and so on.
    pub fn clients(&self) -> &[Host] {
        &self.clients
    }

    /// The host that the daemon runs on, called `lb`.
    pub fn balancer(&self) -> &Host {
        &self.balancer
    }

    /// The hosts called `web-1` and so on, with their servers.
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// The switch, whose ports are called as the hosts.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    fn wait_until_reachable(&self) -> Result<()> {
        let others = self.clients.iter().chain(self.backends.iter().map(Backend::host));
        for host in others {
            for family in Family::BOTH {
                let target = host.address(family).to_string();
                let what = format!("lb to reach {} at {target}", host.name());
                let ping = ["ping", "-n", "-q", "-c", "1", "-W", "1", &target];
                wait_until(REACHABLE_LIMIT, &what, || self.balancer.namespace().run(&ping))?;
            }
        }
        Ok(())
    }
}

fn create_client(lab: &LabName, switch: &Switch, number: u8) -> Result<Host> {
    let address = |family| addresses::client(family, number);
    let client = Host::create(lab, switch, &format!("client-{number}"), address, false)?;
    client.route_vips()?;
    Ok(client)
}

fn create_backend(lab: &LabName, switch: &Switch, number: u8, plan: &Plan) -> Result<Backend> {
    let backend = Backend::create(lab, switch, number, plan.dns)?;
    for &vip in &plan.local_vips {
        backend.host().accept_vip(vip)?;
    }
    Ok(backend)
}

/// The lab's directory and its daemons' pins.
#[derive(Debug)]
struct Files(LabName);

impl Files {
    fn create(lab: LabName) -> Result<Self> {
        bpffs::ensure_mounted()?;
        let directory = lab.directory();
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(Self(lab))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        report("cannot remove a lab's pins", leftovers::remove_pins(&self.0));
        report("cannot remove a lab's files", leftovers::remove_directory(&self.0.directory()));
    }
}
