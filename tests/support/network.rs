//! The network of a lab: clients, one load balancer and backends on one switch.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::addresses::{self, Family};
use crate::backend::{Backend, Provisions, Template};
use crate::certificate::Certificate;
use crate::host::{Host, Site};
use crate::name::LabName;
use crate::namespace::report;
use crate::program::Program;
use crate::router::{Routed, Router};
use crate::switch::{ETHERNET_MTU, Segment, Switch};
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
    /// Servers that backends run; nginx they always do.
    pub programs: Vec<Program>,
    /// Addresses that the load balancer answers for on the switch.
    pub vips: Vec<IpAddr>,
    /// Those of them that backends have on loopback, for modes that keep the destination.
    pub local_vips: Vec<IpAddr>,
    /// Largest packet of every link.
    pub mtu: u32,
    /// Where a router is, if anywhere.
    pub routed: Option<Routed>,
}

impl Plan {
    /// A network on one switch, with plain web servers and without a VIP.
    pub fn new(clients: u8, backends: u8) -> Self {
        Self {
            clients,
            backends,
            programs: Vec::new(),
            vips: Vec::new(),
            local_vips: Vec::new(),
            mtu: ETHERNET_MTU,
            routed: None,
        }
    }

    /// Makes what the servers start from.
    fn provisions(&self, lab: &LabName) -> Result<Provisions> {
        let needs = |program| self.programs.contains(&program);
        let directory = lab.directory();
        let certificate = needs(Program::SecureWeb)
            .then(|| Certificate::create(&directory, &self.vips))
            .transpose()?;
        let template = needs(Program::Postgres)
            .then(|| Template::create(directory.join("postgres")))
            .transpose()?;
        Ok(Provisions { programs: self.programs.clone(), certificate, template })
    }
}

/// Hosts on a switch, maybe around a router, with the backends' servers running. All of it goes when dropped.
#[derive(Debug)]
pub struct Network {
    // Dropped in this order: what uses the files goes before them.
    clients: Vec<Host>,
    balancer: Host,
    backends: Vec<Backend>,
    router: Option<Router>,
    switch: Switch,
    certificate: Option<Certificate>,
    files: Files,
}

impl Network {
    /// Makes the network and waits until the load balancer and every other host reach each other.
    pub fn create(plan: &Plan) -> Result<Self> {
        let files = Files::create(LabName::claim()?)?;
        let lab = &files.0;
        let provisions = plan.provisions(lab)?;
        let switch = Switch::create(lab, plan.mtu)?;
        let router = plan.routed.map(|routed| Router::create(lab, &switch, routed)).transpose()?;
        let site = Site { switch: &switch, router: router.as_ref() };
        let balancer = Host::create(lab, &site, "lb", addresses::balancer, Segment::Balancer)?;
        for &vip in &plan.vips {
            balancer.announce_vip(vip)?;
        }
        let clients = (1..=plan.clients)
            .map(|number| create_client(lab, &site, number))
            .collect::<Result<_>>()?;
        let backends = (1..=plan.backends)
            .map(|number| create_backend(lab, &site, number, plan, &provisions))
            .collect::<Result<Vec<_>>>()?;
        if plan.routed.is_some_and(|routed| routed.to_backends.is_some()) {
            for backend in &backends {
                for family in Family::BOTH {
                    balancer.route_through_the_router(backend.host().address(family))?;
                }
            }
        }
        let certificate = provisions.certificate;
        let network = Self { clients, balancer, backends, router, switch, certificate, files };
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

    /// The router, in a network that has one.
    pub fn router(&self) -> Option<&Router> {
        self.router.as_ref()
    }

    /// The certificate of the backends' TLS servers, in a network that has some.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
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

fn create_client(lab: &LabName, site: &Site<'_>, number: u8) -> Result<Host> {
    let address = |family| addresses::client(family, number);
    let client = Host::create(lab, site, &format!("client-{number}"), address, Segment::Clients)?;
    if site.router.is_none() {
        client.route_vips()?;
    }
    Ok(client)
}

fn create_backend(
    lab: &LabName,
    site: &Site<'_>,
    number: u8,
    plan: &Plan,
    provisions: &Provisions,
) -> Result<Backend> {
    let backend = Backend::create(lab, site, number, provisions)?;
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
