//! The daemon under test: the shipped binary, with a configuration file of the lab's.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::command::{Finished, run, system};
use crate::config::Config;
use crate::host::Host;
use crate::name::LabName;
use crate::namespace::report;
use crate::process::Process;

/// Longest wait for a daemon to answer, or to end when asked to.
const LIMIT: Duration = Duration::from_secs(20);

/// Longest run of a command of the CLI.
const CLI_LIMIT_SECONDS: &str = "20";

/// The binary under test: `$LOADBALANCER_BIN`, or what `cargo build --release` left.
pub fn binary() -> Result<PathBuf> {
    let named = env::var_os("LOADBALANCER_BIN").map(PathBuf::from);
    let built = || {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        workspace.join(target).join("release/loadbalancer")
    };
    let path = named.unwrap_or_else(built);
    path.canonicalize().with_context(|| {
        format!(
            "no loadbalancer binary at {}: run `cargo build --release -p loadbalancer`, or name \
             one in LOADBALANCER_BIN",
            path.display()
        )
    })
}

/// A daemon that can be stopped, killed and started again, with its files.
#[derive(Debug)]
pub struct Daemon {
    binary: PathBuf,
    config: PathBuf,
    socket: PathBuf,
    pin_directory: PathBuf,
    log: PathBuf,
    namespace: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Daemon {
    /// A daemon for `host` that is not started yet and has no configuration file.
    pub(crate) fn new(lab: &LabName, host: &Host, binary: PathBuf) -> Self {
        let directory = lab.directory();
        Self {
            binary,
            config: directory.join("config.toml"),
            socket: directory.join("api.sock"),
            pin_directory: lab.pin_directory(),
            log: directory.join("daemon.log"),
            namespace: host.namespace().path(),
            process: Mutex::new(None),
        }
    }

    /// Writes the configuration file; what runs is as before until a start or reload.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        self.write_config_text(&config.to_toml(&self.socket, &self.pin_directory))
    }

    /// Writes a configuration file that no [`Config`] can express.
    pub fn write_config_text(&self, text: &str) -> Result<()> {
        fs::write(&self.config, text)
            .with_context(|| format!("cannot write {}", self.config.display()))
    }

    /// Path of the binary.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Path of the configuration file.
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// Path of the socket that the daemon answers on.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where the daemon pins its programs and maps.
    pub fn pin_directory(&self) -> &Path {
        &self.pin_directory
    }

    /// Path of the file that the daemon logs to.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// All that the daemon has logged, over all its starts.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))
    }

    /// Starts the daemon and waits until it answers.
    pub fn start(&self) -> Result<()> {
        let mut command = self.nsenter();
        command.arg(&self.binary).arg("run").arg("--config").arg(&self.config);
        let process = Process::start(command.env("RUST_BACKTRACE", "1"), &self.log)?;
        process.wait_until(LIMIT, "the daemon answers", || self.cli(["status"])?.success())?;
        *self.slot() = Some(process);
        Ok(())
    }

    /// Ends the daemon with SIGKILL; what is pinned stays.
    pub fn kill(&self) -> Result<()> {
        self.slot().take().context("the daemon does not run")?.kill()
    }

    /// Asks the daemon to end (SIGTERM); what is pinned stays.
    pub fn stop(&self) -> Result<ExitStatus> {
        self.slot().take().context("the daemon does not run")?.stop(LIMIT)
    }

    /// Sends the running daemon a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.slot().as_ref().context("the daemon does not run")?.signal(signal)
    }

    /// Fails when the daemon has ended.
    pub fn ensure_alive(&self) -> Result<()> {
        let slot = self.slot();
        let process = slot.as_ref().context("the daemon does not run")?;
        let ended = process.ended()?;
        ensure!(ended.is_none(), "the daemon ended: {ended:?}\n{}", process.output()?);
        Ok(())
    }

    /// Runs `loadbalancer` with these arguments and this daemon's socket, whatever it answers.
    pub fn cli<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Finished> {
        run(self.command(&[]).args(arguments).arg("--socket").arg(&self.socket))
    }

    /// Runs `loadbalancer ... --json`, which must succeed, and returns what it prints.
    pub fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Value> {
        let mut command = self.command(&[]);
        command.args(arguments).arg("--json").env("LOADBALANCER_SOCKET", &self.socket);
        let text = run(&mut command)?.success()?;
        serde_json::from_str(&text).with_context(|| format!("this is no JSON: {text}"))
    }

    /// Runs `loadbalancer` without a socket, behind the words of a wrapper such as `setpriv`.
    pub fn behind(&self, wrapper: &[&str], arguments: &[&str]) -> Result<Finished> {
        run(self.command(wrapper).args(arguments))
    }

    /// Removes the daemon's programs and maps, as `loadbalancer detach` does.
    pub fn detach(&self) -> Result<String> {
        let mut command = self.command(&[]);
        run(command.arg("detach").arg("--pin-directory").arg(&self.pin_directory))?.success()
    }

    /// The start of a command line of the CLI on the load balancer, which ends in bounded time.
    fn command(&self, wrapper: &[&str]) -> Command {
        let mut command = self.nsenter();
        command.args(["timeout", "--signal=KILL", CLI_LIMIT_SECONDS]).args(wrapper);
        command.arg(&self.binary);
        command
    }

    fn nsenter(&self) -> Command {
        let mut command = system("nsenter");
        command.arg(format!("--net={}", self.namespace.display())).arg("--");
        command
    }

    fn slot(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(process) = self.slot().take() {
            report("the daemon did not end in time", process.stop(LIMIT).map(drop));
        }
        if self.pin_directory.exists() {
            report("cannot detach", self.detach().map(drop));
        }
    }
}
