//! `loadbalancer decap` on a host of a lab: the shipped binary, which can be killed and started again.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{Finished, run};
use crate::daemon::binary;
use crate::host::Host;
use crate::name::LabName;
use crate::namespace::report;
use crate::process::Process;
use crate::stats;

/// Longest wait for a start or an end.
const LIMIT: Duration = Duration::from_secs(20);

/// Longest run of `stats` or `detach`.
const CLI_LIMIT_SECONDS: &str = "20";

/// The decapsulation of one host.
#[derive(Debug)]
pub struct Decap<'lab> {
    host: &'lab Host,
    binary: PathBuf,
    pin_directory: PathBuf,
    log: PathBuf,
    starts: Mutex<usize>,
    process: Mutex<Option<Process>>,
}

impl<'lab> Decap<'lab> {
    /// Not started yet.
    pub fn new(lab: &LabName, host: &'lab Host) -> Result<Self> {
        Ok(Self {
            host,
            binary: binary()?,
            pin_directory: lab.pin_directory(),
            log: lab.directory().join("decap.log"),
            starts: Mutex::new(0),
            process: Mutex::new(None),
        })
    }

    /// Starts it on `eth0` with more arguments, and waits until it is ready.
    pub fn start(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.command("decap");
        command.args(["--interface", "eth0"]).args(arguments);
        let process = Process::start(command.env("RUST_BACKTRACE", "1"), &self.log)?;
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        *starts += 1;
        process.wait_until(LIMIT, "decap is ready", || {
            let ready = process.output()?.lines().filter(|line| line.ends_with("ready")).count();
            ensure!(ready == *starts, "{ready} of {starts} starts are ready");
            Ok(())
        })?;
        *self.slot() = Some(process);
        Ok(())
    }

    /// Ends it with SIGKILL; what is pinned stays.
    pub fn kill(&self) -> Result<()> {
        self.slot().take().context("decap does not run")?.kill()
    }

    /// Asks it to end (SIGTERM); what is pinned stays.
    pub fn stop(&self) -> Result<()> {
        let status = self.slot().take().context("decap does not run")?.stop(LIMIT)?;
        ensure!(status.success(), "decap ended with {status}");
        Ok(())
    }

    /// All that it has logged, over all its starts.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(&self.log)
            .with_context(|| format!("cannot read {}", self.log.display()))
    }

    /// Runs `loadbalancer decap` with these arguments and its pin directory, whatever it answers.
    pub fn cli(&self, arguments: &[&str]) -> Result<Finished> {
        run(self.command("decap").args(arguments))
    }

    /// Runs `loadbalancer decap stats` or `detach`.
    pub fn ask(&self, what: &str) -> Result<Finished> {
        let mut command = self.host.namespace().command("timeout");
        command.args(["--signal=KILL", CLI_LIMIT_SECONDS]).arg(&self.binary);
        command.args(["decap", what, "--json", "--pin-directory"]).arg(&self.pin_directory);
        run(&mut command)
    }

    /// `loadbalancer decap stats --json`.
    pub fn stats(&self) -> Result<Value> {
        let text = self.ask("stats")?.success()?;
        serde_json::from_str(&text).with_context(|| format!("this is no JSON: {text}"))
    }

    /// Packets that were taken out of a kind of tunnel.
    pub fn packets(&self, kind: &str) -> Result<u64> {
        let stats = self.stats()?;
        let kinds = stats.get("decapsulated").context("no counters")?;
        stats::counter(kinds.get(kind).with_context(|| format!("no {kind} in {kinds}"))?, "packets")
    }

    /// Packets that were dropped for a reason.
    pub fn drops(&self, reason: &str) -> Result<u64> {
        stats::counter(self.stats()?.get("drops").context("no drops")?, reason)
    }

    fn command(&self, noun: &str) -> Command {
        let mut command = self.host.namespace().command(&self.binary);
        command.arg(noun).arg("--pin-directory").arg(&self.pin_directory);
        command
    }

    fn slot(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Decap<'_> {
    fn drop(&mut self) {
        if let Some(process) = self.slot().take() {
            report("decap did not end in time", process.stop(LIMIT).map(drop));
        }
        if self.pin_directory.exists() {
            report("cannot detach", self.ask("detach").and_then(Finished::success).map(drop));
        }
    }
}
