//! `cargo xtask test`: the layers of tests, one after the other, and what came of them.
//!
//! The tests are built in the dev profile, with its overflow checks and assertions, and all of
//! them from one selection of packages, so that every dependency is compiled once. Labs run the
//! release binary, the one that ships.

mod layer;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::cargo::build_release;
use crate::command::run;
use crate::report::say;
use crate::setup;
use layer::Layer;
use tally::Tally;

/// Run the tests: every layer, or one.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The layer to run.
    layer: Option<Layer>,
    /// Arguments for the test programs: parts of names to select, `--nocapture`, ...
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Test {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let layers = self.layer.map_or_else(|| Layer::ALL.to_vec(), |layer| vec![layer]);
        for layer in &layers {
            setup::ensure(layer.needs())?;
        }
        let binary = build(&layers)?;
        let mut lines = Vec::new();
        let mut total = Tally::default();
        for layer in layers {
            let (line, tally) = self.run_layer(layer, binary.as_deref())?;
            lines.push(line);
            total += tally;
        }
        if total.is_empty() {
            // Names that select nothing are a typing error, not a success.
            lines.push(format!("no test matches `{}`", self.arguments.join(" ")));
            total.failed += 1;
        }
        for line in lines {
            say(&line)?;
        }
        say(&total.to_string())?;
        Ok(if total.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Runs a layer and gives its line of the summary.
    fn run_layer(&self, layer: Layer, binary: Option<&Path>) -> Result<(String, Tally)> {
        let start = Instant::now();
        let mut tally = Tally::default();
        for mut command in layer.commands(&self.arguments) {
            if let Some(binary) = binary {
                command.env("LOADBALANCER_BIN", binary);
            }
            tally += tally::run(&mut command)?;
        }
        if tally.is_empty() && self.arguments.is_empty() {
            // A layer that lost its tests proves nothing.
            say(&format!("{layer}: it has no test"))?;
            tally.failed += 1;
        }
        let verdict = if tally.is_success() { "ok" } else { "FAILED" };
        let seconds = start.elapsed().as_secs_f64();
        Ok((format!("{layer}: {verdict}, {tally} in {seconds:.1} s"), tally))
    }
}

/// Compiles everything before the first test runs, and gives the binary for those who run it.
fn build(layers: &[Layer]) -> Result<Option<PathBuf>> {
    let start = Instant::now();
    let needs_binary = layers.iter().any(|layer| layer.uses_binary());
    let binary = if needs_binary { Some(build_release()?) } else { None };
    run(&mut layer::build_command(layers))?;
    say(&format!("build: ok in {:.1} s", start.elapsed().as_secs_f64()))?;
    Ok(binary)
}
