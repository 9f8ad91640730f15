//! The programs that labs and the demo run: servers, clients, and what configures interfaces.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::apt::has_systemd;
use super::postgres;
use super::steps::Steps;
use super::toolchain::find_program;
use crate::command::output;

const WHAT: &str = "lab tools";

/// Program, and the Debian package that has it.
const TOOLS: [(&str, &str); 16] = [
    ("curl", "curl"),
    ("dig", "bind9-dnsutils"),
    ("dnsmasq", "dnsmasq-base"),
    ("ethtool", "ethtool"),
    ("ip", "iproute2"),
    ("iperf3", "iperf3"),
    (NGINX, "nginx-light"),
    ("nsenter", "util-linux"),
    ("openssl", "openssl"),
    ("ping", "iputils-ping"),
    (POSTGRES, "postgresql"),
    ("psql", "postgresql-client"),
    ("sysctl", "procps"),
    ("tcpdump", "tcpdump"),
    ("traceroute", "traceroute"),
    ("wrk", "wrk"),
];

const NGINX: &str = "nginx";
const POSTGRES: &str = "postgres";

pub(super) fn ensure(steps: &mut Steps) -> Result<()> {
    let missing: Vec<(&str, &str)> =
        TOOLS.into_iter().filter(|(program, _)| !is_installed(program)).collect();
    if missing.is_empty() {
        return steps.found(WHAT, &TOOLS.map(|(program, _)| program).join(", "));
    }
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    if packages.contains(&"nginx-light") && has_systemd() {
        mask_nginx(steps).context(WHAT)?;
    }
    steps.doing(WHAT, &format!("installing {}", packages.join(", ")))?;
    let mut install = || steps.apt.install(&packages);
    if packages.contains(&"postgresql") {
        postgres::without_cluster(install).context(WHAT)?;
    } else {
        install().context(WHAT)?;
    }
    steps.doing(WHAT, "installed")
}

/// A user's PATH may lack the directories of the system's own programs.
fn is_installed(program: &str) -> bool {
    if program == POSTGRES {
        // Debian has it in no directory of PATH.
        return postgres::is_installed();
    }
    let system = ["/usr/sbin", "/sbin"].iter().any(|place| Path::new(place).join(program).exists());
    system || find_program(program).is_some()
}

/// Labs start a server of their own; the package would start one on this host's port 80.
fn mask_nginx(steps: &Steps) -> Result<()> {
    steps.doing(
        WHAT,
        "masking nginx.service, so that installing nginx starts no server; `systemctl unmask \
         nginx.service` undoes it",
    )?;
    output(Command::new("systemctl").args(["mask", "nginx.service"])).map(drop)
}
