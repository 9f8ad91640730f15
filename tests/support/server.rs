//! A server of a lab that can be killed, frozen and started again.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::host::Host;
use crate::namespace::report;
use crate::process::Process;

/// Longest wait for a server to listen.
const START_LIMIT: Duration = Duration::from_secs(15);

/// Longest wait for a server that was asked to end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// A server program on a host, with the addresses it listens on.
#[derive(Debug)]
pub(crate) struct Server {
    words: Vec<String>,
    log: PathBuf,
    listens_on: Vec<SocketAddr>,
    ending: Option<Signal>,
    process: Mutex<Option<Process>>,
}

impl Server {
    /// A server that is not started yet; it will print to `log`.
    pub(crate) fn new(words: Vec<String>, log: &Path, listens_on: Vec<SocketAddr>) -> Self {
        Self { words, log: log.to_owned(), listens_on, ending: None, process: Mutex::new(None) }
    }

    /// The same server, ended by `signal` when the lab goes: one that has processes of its own.
    pub(crate) fn ended_by(mut self, signal: Signal) -> Self {
        self.ending = Some(signal);
        self
    }

    /// Starts the server on `host` and waits until it listens on all its addresses.
    pub(crate) fn start(&self, host: &Host) -> Result<()> {
        let (program, arguments) = self.words.split_first().context("no program to run")?;
        let mut command = host.namespace().command(program);
        let process = Process::start(command.args(arguments), &self.log)?;
        let what = format!("{program} to listen on {}", host.name());
        process.wait_until(START_LIMIT, &what, || {
            host.namespace().enter(|| self.listens_on.iter().try_for_each(connects))?
        })?;
        *self.slot() = Some(process);
        Ok(())
    }

    /// Ends the server with SIGKILL.
    pub(crate) fn kill(&self) -> Result<()> {
        self.slot().take().context("the server does not run")?.kill()
    }

    /// Stops the server in its tracks: the kernel still accepts for it, but nothing answers.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.slot().as_ref().context("the server does not run")?.signal(Signal::SIGSTOP)
    }

    /// Lets a frozen server go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.slot().as_ref().context("the server does not run")?.signal(Signal::SIGCONT)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let (Some(signal), Some(process)) = (self.ending, self.slot().take()) {
            // Killed with the process when it does not end.
            report("a server did not end in time", process.end_by(signal, END_LIMIT).map(drop));
        }
    }
}

fn connects(address: &SocketAddr) -> Result<()> {
    let connected = TcpStream::connect_timeout(address, Duration::from_secs(1));
    connected.map(drop).with_context(|| format!("cannot connect to {address}"))
}
