//! What a person can do with a lab that stays up.

use anyhow::Result;
use loadbalancer_tests::Lab;

/// Commands to look around in the lab, and the one that removes it.
pub(super) fn directions(lab: &Lab, url: &str) -> Result<String> {
    let daemon = lab.daemon();
    let inside = |namespace: &loadbalancer_tests::Namespace| {
        format!("nsenter --net={}", namespace.path().display())
    };
    let balancer = inside(lab.network().balancer().namespace());
    let client = inside(lab.client(1)?.namespace());
    let (binary, socket) = (daemon.binary().display(), daemon.socket().display());
    Ok(format!(
        "
The hosts and the daemon stay up. To look around:
  {balancer} {binary} stats --socket {socket}
  {balancer} {binary} health --socket {socket}
  {client} curl {url}
  {balancer} bash
The daemon's configuration and log:
  {config}
  {log}
To remove it all:
  cargo xtask demo --clean",
        config = daemon.config_path().display(),
        log = daemon.log_path().display(),
    ))
}
