//! What `.ci/run` needs beyond building and testing: rustfmt, clippy and cargo-deny.

use std::process::Command;

use anyhow::{Context, Result};

use super::steps::Steps;
use super::toolchain::{find_program, is_at_least};
use crate::cargo::cargo;
use crate::command::output;

const DENY: &str = "cargo-deny";
/// The release that `deny.toml` was written for.
const DENY_VERSION: &str = "0.20.2";

pub(super) fn ensure(steps: &mut Steps) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        ensure_component(steps, subcommand, component).context(component)?;
    }
    ensure_deny(steps).context(DENY)
}

fn ensure_component(steps: &Steps, subcommand: &str, component: &str) -> Result<()> {
    if let Ok(version) = output(cargo().args([subcommand, "--version"])) {
        return steps.found(component, version.trim());
    }
    steps.doing(component, "installing rustup's component")?;
    let rustup = find_program("rustup").context("install it for the compiler in use")?;
    output(Command::new(rustup).args(["component", "add", component])).map(drop)
}

fn ensure_deny(steps: &Steps) -> Result<()> {
    let installed = find_program(DENY).and_then(|deny| {
        let version = output(Command::new(deny).arg("--version")).ok()?;
        Some(version.trim().strip_prefix("cargo-deny ")?.to_owned())
    });
    if let Some(version) = installed.filter(|version| is_at_least(version, DENY_VERSION)) {
        return steps.found(DENY, &version);
    }
    steps.doing(DENY, &format!("installing {DENY_VERSION}, some minutes"))?;
    let mut command = cargo();
    command.args(["install", DENY, "--version", DENY_VERSION, "--locked"]);
    // The workspace's target directory would keep the build of a foreign program.
    command.env_remove("CARGO_TARGET_DIR");
    output(&mut command)?;
    steps.doing(DENY, &format!("installed {DENY_VERSION}"))
}
