//! The compiler of the kernel side: Debian's, else rustup's nightly.

use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::steps::Steps;
use super::toolchain::{Toolchain, bpf_target, find_program, is_at_least};
use crate::command::output;

const WHAT: &str = "eBPF compiler";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];

pub(super) fn ensure(steps: &mut Steps) -> Result<()> {
    let candidates = Toolchain::candidates().map_err(|reason| anyhow!("{WHAT}: {reason}"))?;
    let target = bpf_target(cfg!(target_endian = "big"));
    for candidate in &candidates {
        if let Ok(version) = candidate.check(target) {
            return steps.found(WHAT, &version);
        }
    }
    let mut reasons = Vec::new();
    for candidate in &candidates {
        match install(steps, candidate, target) {
            Ok(()) => return Ok(()),
            Err(error) => reasons.push(format!("{error:#}")),
        }
    }
    bail!("{WHAT}: {}", reasons.join("; or "))
}

fn install(steps: &mut Steps, toolchain: &Toolchain, target: &str) -> Result<()> {
    match toolchain {
        Toolchain::Debian => install_debian(steps)?,
        Toolchain::Nightly(name) => install_nightly(steps, name)?,
    }
    let version = toolchain.check(target).map_err(|reason| anyhow!("{reason}"))?;
    steps.doing(WHAT, &format!("installed {version}"))
}

fn install_debian(steps: &mut Steps) -> Result<()> {
    for package in DEBIAN_PACKAGES {
        let version = steps.apt.candidate(package)?;
        ensure!(
            version.is_some_and(|version| is_at_least(&version, env!("CARGO_PKG_RUST_VERSION"))),
            "apt offers no {package} of version {} or later",
            env!("CARGO_PKG_RUST_VERSION")
        );
    }
    steps.doing(WHAT, &format!("installing Debian's {}", DEBIAN_PACKAGES.join(", ")))?;
    steps.apt.install(&DEBIAN_PACKAGES)
}

fn install_nightly(steps: &Steps, name: &str) -> Result<()> {
    let rustup = find_program("rustup")
        .with_context(|| format!("install rustup, then run `rustup toolchain install {name}`"))?;
    let stands = output(Command::new(&rustup).args(["run", name, "rustc", "-V"])).is_ok();
    let mut command = Command::new(&rustup);
    if stands {
        // Not `toolchain install`, which would also move the toolchain to today's nightly.
        command.args(["component", "add", "rust-src", "--toolchain", name]);
    } else {
        command.args(["toolchain", "install", name, "--profile=minimal", "--component=rust-src"]);
    }
    steps.doing(WHAT, &format!("installing rustup's {name} with rust-src"))?;
    output(&mut command).map(drop)
}
