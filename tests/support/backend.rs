//! One backend of a lab: a host with nginx, and with dnsmasq when the lab has a UDP service.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::addresses::{self, DNS_ZONE, Family};
use crate::host::Host;
use crate::name::LabName;
use crate::server::Server;
use crate::switch::Switch;

/// Port of the web servers that differs from the VIP's, for modes that translate.
pub const WEB_PORT: u16 = 8080;

/// Bytes that `/large` answers with.
pub const LARGE_BYTES: usize = 1 << 20;

/// A host with real servers that say in every answer which backend they are.
///
/// Every web answer has the headers `X-Backend`, `X-Connection` (nginx's serial number of the
/// TCP connection) and `X-Connection-Requests`. `/` answers the name, `/large` a mebibyte, and
/// `/healthz` "ok". DNS answers an `A` question with the backend's IPv4 address.
#[derive(Debug)]
pub struct Backend {
    host: Host,
    web: Server,
    dns: Option<Server>,
}

impl Backend {
    /// Makes backend `number` (from 1) and starts its servers.
    pub(crate) fn create(lab: &LabName, switch: &Switch, number: u8, dns: bool) -> Result<Self> {
        let address = |family| addresses::backend(family, number);
        let host = Host::create(lab, switch, &name(number), address, false)?;
        let directory = lab.directory().join(host.name());
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let web = nginx(&host, &directory)?;
        web.start(&host)?;
        let dns = dns.then(|| dnsmasq(&host, &directory));
        if let Some(dns) = &dns {
            dns.start(&host)?;
        }
        Ok(Self { host, web, dns })
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
        self.servers().try_for_each(Server::kill)
    }

    /// Starts the servers again and waits until they listen.
    pub fn revive(&self) -> Result<()> {
        self.servers().try_for_each(|server| server.start(&self.host))
    }

    /// Stops the servers: connections are accepted by the kernel and never answered.
    pub fn freeze(&self) -> Result<()> {
        self.servers().try_for_each(Server::freeze)
    }

    /// Lets frozen servers go on.
    pub fn thaw(&self) -> Result<()> {
        self.servers().try_for_each(Server::thaw)
    }

    fn servers(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(&self.web).chain(&self.dns)
    }
}

/// Name of backend `number`, counted from 1.
pub(crate) fn name(number: u8) -> String {
    format!("web-{number}")
}

/// One process, so that killing it by its id leaves no worker that still listens.
fn nginx(host: &Host, directory: &Path) -> Result<Server> {
    let config = directory.join("nginx.conf");
    let place = directory.display();
    fs::write(&config, nginx_config(host.name(), &place.to_string()))
        .with_context(|| format!("cannot write {}", config.display()))?;
    let large = directory.join("large");
    fs::write(&large, "x".repeat(LARGE_BYTES))
        .with_context(|| format!("cannot write {}", large.display()))?;
    let words = ["nginx", "-p", &place.to_string(), "-c", &config.display().to_string()];
    let words = words.iter().chain(&["-e", "stderr"]).map(|&word| word.to_owned()).collect();
    let ports = [80, WEB_PORT];
    let listens_on = ports
        .iter()
        .flat_map(|&port| Family::BOTH.map(|family| SocketAddr::new(host.address(family), port)))
        .collect();
    Ok(Server::new(words, &directory.join("nginx.log"), listens_on))
}

fn nginx_config(name: &str, directory: &str) -> String {
    format!(
        "daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_timeout 600s;
  keepalive_requests 100000000;
  default_type text/plain;
  add_header X-Backend {name};
  add_header X-Connection $connection;
  add_header X-Connection-Requests $connection_requests;
  server {{
    listen 80 backlog=4096;
    listen [::]:80 ipv6only=on backlog=4096;
    listen {WEB_PORT} backlog=4096;
    listen [::]:{WEB_PORT} ipv6only=on backlog=4096;
    location / {{ return 200 \"{name}\\n\"; }}
    location = /healthz {{ return 200 \"ok\\n\"; }}
    location = /large {{ root {directory}; }}
  }}
}}
"
    )
}

fn dnsmasq(host: &Host, directory: &Path) -> Server {
    let own_address = host.address(Family::V4);
    let words = [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--pid-file",
        "--log-facility=-",
        &format!("--address=/{DNS_ZONE}/{own_address}"),
    ];
    let listens_on = Family::BOTH.map(|family| SocketAddr::new(host.address(family), 53));
    let words = words.iter().map(|&word| word.to_owned()).collect();
    Server::new(words, &directory.join("dnsmasq.log"), listens_on.to_vec())
}
