//! `cargo xtask setup`: from a bare machine to one on which the other commands work.
//!
//! Every step looks first and installs only what is missing, so a second run changes nothing. A
//! step that cannot be done does not keep the others from being done: what is left is said at the
//! end, all of it, with what to do.

mod apt;
mod compiler;
mod gate;
mod kernel;
mod linker;
mod postgres;
mod steps;
mod tools;
// Shared with the build, so that what is accepted here is what it can use.
#[path = "../../loadbalancer/build/toolchain.rs"]
mod toolchain;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::builder::FalseyValueParser;

use crate::report::say;
use steps::Steps;

/// Install what building, testing and the demo need.
#[derive(Debug, clap::Args)]
pub(crate) struct Setup {
    /// Install what the gate (`.ci/run`) needs as well.
    #[arg(long, env = "CI", value_parser = FalseyValueParser::new())]
    ci: bool,
}

impl Setup {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let needs = if self.ci { Needs::Gate } else { Needs::Lab };
        prepare(needs, Steps::spoken())?;
        say("setup: complete")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// How much of a machine a command needs. Each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// To build the workspace.
    Build,
    /// To load programs into the kernel.
    Kernel,
    /// To run servers and clients in network namespaces.
    Lab,
    /// To run every step of the gate.
    Gate,
}

/// Sets up what is missing of `needs`, and says nothing when nothing is.
pub(crate) fn ensure(needs: Needs) -> Result<()> {
    prepare(needs, Steps::quiet())
}

fn prepare(needs: Needs, mut steps: Steps) -> Result<()> {
    type Step = fn(&mut Steps) -> Result<()>;
    const STEPS: [(Needs, Step); 5] = [
        (Needs::Build, compiler::ensure),
        (Needs::Build, linker::ensure),
        (Needs::Kernel, kernel::ensure),
        (Needs::Lab, tools::ensure),
        (Needs::Gate, gate::ensure),
    ];
    let mut missing = Vec::new();
    for (for_whom, step) in STEPS {
        if for_whom > needs {
            continue;
        }
        if let Err(error) = step(&mut steps) {
            missing.push(format!("  - {error:#}"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("this machine is not set up:\n{}", missing.join("\n"))
}
