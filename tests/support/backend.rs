//! One backend of a lab: a host with nginx, and with the other servers that the lab's services need.

mod dnsmasq;
mod iperf;
mod nginx;
mod postgres;

use std::fs;

use anyhow::{Context, Result};

use crate::addresses;
use crate::certificate::Certificate;
use crate::host::{Host, Site};
use crate::name::LabName;
use crate::program::Program;
use crate::server::Server;
use crate::switch::Segment;

pub use iperf::PORT as IPERF_PORT;
pub use nginx::{LARGE_BYTES, SECURE_PORT, WEB_PORT};
pub use postgres::PORT as POSTGRES_PORT;

pub(crate) use postgres::Template;

/// A host with real servers that say in every answer which backend they are.
///
/// Every web answer has the headers `X-Backend`, `X-Connection` (nginx's serial number of the
/// TCP connection) and `X-Connection-Requests`. `/` answers the name, `/large` a mebibyte, and
/// `/healthz` "ok". DNS answers an `A` question with the backend's IPv4 address. PostgreSQL has
/// the name as its setting `cluster_name`.
#[derive(Debug)]
pub struct Backend {
    host: Host,
    servers: Vec<Server>,
}

/// What the servers of all backends of a lab start from.
#[derive(Debug, Default)]
pub(crate) struct Provisions {
    /// Programs beside nginx.
    pub(crate) programs: Vec<Program>,
    /// Certificate for TLS.
    pub(crate) certificate: Option<Certificate>,
    /// Database directory that each PostgreSQL gets a copy of.
    pub(crate) template: Option<Template>,
}

impl Backend {
    /// Makes backend `number` (from 1) and starts its servers.
    pub(crate) fn create(
        lab: &LabName,
        site: &Site<'_>,
        number: u8,
        provisions: &Provisions,
    ) -> Result<Self> {
        let address = |family| addresses::backend(family, number);
        let host = Host::create(lab, site, &name(number), address, Segment::Backends)?;
        let directory = lab.directory().join(host.name());
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let mut servers = vec![nginx::server(&host, &directory, provisions.certificate.as_ref())?];
        for program in &provisions.programs {
            match program {
                Program::Web | Program::SecureWeb => {}
                Program::Dns => servers.push(dnsmasq::server(&host, &directory)),
                Program::Iperf => servers.push(iperf::server(&host, &directory)),
                Program::Postgres => {
                    let template = provisions.template.as_ref().context("no database to copy")?;
                    servers.push(postgres::server(&host, &directory, template)?);
                }
            }
        }
        servers.iter().try_for_each(|server| server.start(&host))?;
        Ok(Self { host, servers })
    }

    /// The host, whose name is the backend's.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Name of the backend, in configs and answers.
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// Kills all servers of the backend, as `kill -9` does.
    pub fn kill(&self) -> Result<()> {
        self.servers.iter().try_for_each(Server::kill)
    }

    /// Starts the servers again and waits until they listen.
    pub fn revive(&self) -> Result<()> {
        self.servers.iter().try_for_each(|server| server.start(&self.host))
    }

    /// Stops the servers: connections are accepted by the kernel and never answered.
    pub fn freeze(&self) -> Result<()> {
        self.servers.iter().try_for_each(Server::freeze)
    }

    /// Lets frozen servers go on.
    pub fn thaw(&self) -> Result<()> {
        self.servers.iter().try_for_each(Server::thaw)
    }
}

/// Name of backend `number`, counted from 1.
pub(crate) fn name(number: u8) -> String {
    format!("web-{number}")
}
