//! A backend's web server, over plain HTTP and, with a certificate, over TLS.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::addresses::Family;
use crate::certificate::Certificate;
use crate::host::Host;
use crate::server::Server;

/// Port of the web servers that differs from the VIP's, for modes that translate.
pub const WEB_PORT: u16 = 8080;

/// The same over TLS.
pub const SECURE_PORT: u16 = 8443;

/// Bytes that `/large` answers with.
pub const LARGE_BYTES: usize = 1 << 20;

/// One process, so that killing it by its id leaves no worker that still listens.
pub(super) fn server(
    host: &Host,
    directory: &Path,
    certificate: Option<&Certificate>,
) -> Result<Server> {
    let config = directory.join("nginx.conf");
    let place = directory.display();
    let secure = certificate.map(secure_listeners).unwrap_or_default();
    fs::write(&config, text(host.name(), &place.to_string(), &secure))
        .with_context(|| format!("cannot write {}", config.display()))?;
    let large = directory.join("large");
    fs::write(&large, "x".repeat(LARGE_BYTES))
        .with_context(|| format!("cannot write {}", large.display()))?;
    let words = ["nginx", "-p", &place.to_string(), "-c", &config.display().to_string()];
    let words = words.iter().chain(&["-e", "stderr"]).map(|&word| word.to_owned()).collect();
    let mut ports = vec![80, WEB_PORT];
    if certificate.is_some() {
        ports.extend([443, SECURE_PORT]);
    }
    let listens_on = ports
        .iter()
        .flat_map(|&port| Family::BOTH.map(|family| SocketAddr::new(host.address(family), port)))
        .collect();
    Ok(Server::new(words, &directory.join("nginx.log"), listens_on))
}

fn secure_listeners(certificate: &Certificate) -> String {
    let (file, key) = (certificate.file().display(), certificate.key().display());
    format!(
        "    listen 443 ssl http2 backlog=4096;
    listen [::]:443 ssl http2 ipv6only=on backlog=4096;
    listen {SECURE_PORT} ssl http2 backlog=4096;
    listen [::]:{SECURE_PORT} ssl http2 ipv6only=on backlog=4096;
    ssl_certificate {file};
    ssl_certificate_key {key};
"
    )
}

fn text(name: &str, directory: &str, secure: &str) -> String {
    format!(
        "daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
events {{ worker_connections 16384; }}
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
{secure}    location / {{ return 200 \"{name}\\n\"; }}
    location = /healthz {{ return 200 \"ok\\n\"; }}
    location = /large {{ root {directory}; }}
  }}
}}
"
    )
}
