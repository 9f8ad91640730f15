//! Servers and daemons that run until the lab ends them, with their output in a file.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{line_of, not_started};
use crate::namespace::report;
use crate::wait_until;

/// Longest wait for a process that was sent SIGKILL.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Lines of output that a failure quotes.
const TAIL_LINES: usize = 25;

/// A running process: killed by its own id, and waited for, on drop.
#[derive(Debug)]
pub struct Process {
    line: String,
    log: PathBuf,
    pid: Pid,
    child: Mutex<Child>,
}

impl Process {
    /// Starts `command` with both outputs appended to the file `log`.
    ///
    /// In a process group of its own: an interrupt from the terminal reaches the owner of the
    /// lab alone, which then ends its processes in order.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let line = line_of(command);
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        let again = file.try_clone().context("cannot share a log file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(again)
            .process_group(0)
            .spawn()
            .with_context(|| not_started(&line))?;
        let pid = Pid::from_raw(i32::try_from(child.id()).context("a process id too large")?);
        Ok(Self { line, log: log.to_owned(), pid, child: Mutex::new(child) })
    }

    /// Process id.
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// All that the process has printed.
    pub fn output(&self) -> Result<String> {
        let bytes =
            fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Exit status, once the process has ended.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        self.child().try_wait().with_context(|| format!("cannot wait for `{}`", self.line))
    }

    /// Sends a signal to a process that must still run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // The lock keeps another thread from reaping it, and so its id from being reused.
        let mut child = self.child();
        let ended = child.try_wait().with_context(|| format!("cannot wait for `{}`", self.line))?;
        ensure!(ended.is_none(), "`{}` has ended already", self.line);
        kill(self.pid, signal).with_context(|| format!("cannot send {signal} to `{}`", self.line))
    }

    /// Waits like [`wait_until`], but fails at once when the process ends meanwhile.
    pub fn wait_until<T>(
        &self,
        limit: Duration,
        what: &str,
        mut condition: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let waited = wait_until(limit, what, || match self.ended()? {
            Some(status) => Ok(Err(status)),
            None => condition().map(Ok),
        });
        match waited {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(status)) => {
                bail!("`{}` ended ({status}) before {what}\n{}", self.line, self.tail())
            }
            Err(failure) => Err(failure.context(self.tail())),
        }
    }

    /// Waits for the end of the process.
    pub fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("the end of `{}`", self.line);
        wait_until(limit, &what, || self.ended()?.context("it runs on"))
            .with_context(|| self.tail())
    }

    /// Ends the process with SIGKILL, which it cannot see coming.
    pub fn kill(&self) -> Result<()> {
        if self.ended()?.is_none() {
            self.signal(Signal::SIGKILL)?;
            self.wait(KILL_LIMIT)?;
        }
        Ok(())
    }

    /// Asks the process to end (SIGTERM) and kills it when it does not within `limit`.
    pub fn stop(&self, limit: Duration) -> Result<ExitStatus> {
        self.end_by(Signal::SIGTERM, limit)
    }

    /// Sends the process a signal that ends it, and kills it when it runs on after `limit`.
    pub(crate) fn end_by(&self, signal: Signal, limit: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(signal)?;
        let stopped = self.wait(limit);
        if stopped.is_err() {
            self.kill()?;
        }
        stopped
    }

    fn tail(&self) -> String {
        let output = self.output().unwrap_or_else(|failure| format!("{failure:#}"));
        let lines: Vec<&str> = output.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
        format!("last lines of {}:\n  {}", self.log.display(), tail.join("\n  "))
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        report("cannot end a process", self.kill());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> (tempfile::TempDir, Process) {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let process = Process::start(Command::new("sh").args(["-c", script]), &log).unwrap();
        (directory, process)
    }

    #[test]
    fn a_wait_fails_at_once_and_quotes_the_log_when_the_process_ends() {
        let (_directory, process) = start("echo cannot bind; exit 7");
        let limit = Duration::from_secs(60);
        let failure =
            process.wait_until(limit, "it listens", || bail!("refused") as Result<()>).unwrap_err();
        let text = format!("{failure:#}");
        assert!(text.contains("exit status: 7") && text.contains("cannot bind"), "{text}");
    }

    #[test]
    fn a_process_that_ignores_sigterm_is_killed() {
        let (_directory, process) = start("trap '' TERM; echo up; while :; do sleep 1; done");
        let up = || process.output()?.contains("up").then_some(()).context("no output");
        process.wait_until(Duration::from_secs(5), "the trap is set", up).unwrap();
        process.stop(Duration::from_millis(100)).unwrap_err();
        assert!(process.ended().unwrap().is_some());
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let (_directory, process) = start("exec sleep 60");
        let directory = PathBuf::from(format!("/proc/{}", process.id()));
        assert!(directory.exists());
        drop(process);
        assert!(!directory.exists());
    }
}
