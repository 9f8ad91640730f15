//! Network namespaces: made by name, entered by commands and threads, gone when dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns};

use crate::command::{run, run_with_input, system};
use crate::leftovers::{NAMESPACES, delete_namespace};
use crate::name::LabName;

/// What every namespace of a lab starts with, whatever the host's defaults are.
const DEFAULTS: [(&str, &str); 8] = [
    // Addresses are usable at once, and nothing but the lab configures them.
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    ("net/ipv6/conf/all/disable_ipv6", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "0"),
    // Loose hosts: a strict reverse-path filter is a subject of its own, not a default of the lab.
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
];

/// A network namespace with a name, deleted on drop.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace of the lab's host called `role`, with loopback up.
    pub fn create(lab: &LabName, role: &str) -> Result<Self> {
        let name = lab.namespace(role);
        run(system("ip").args(["netns", "add", &name]))?.success()?;
        let namespace = Self { name };
        namespace.set_kernel(&DEFAULTS)?;
        namespace.ip_batch("link set lo up\n")?;
        Ok(namespace)
    }

    /// Name as `ip netns` shows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that `nsenter --net=` takes.
    pub fn path(&self) -> PathBuf {
        Path::new(NAMESPACES).join(&self.name)
    }

    /// A command that will run with this namespace's network and the host's mounts.
    ///
    /// `nsenter` and not `ip netns exec`, which remounts `/sys` and so hides the BPF file system.
    /// It executes the program in place: the process id is the program's own.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = system("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Runs a command line of words that must succeed; returns its standard output.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let (program, arguments) = words.split_first().context("no program to run")?;
        run(self.command(program).args(arguments))?.success()
    }

    /// Runs lines of `ip` commands, all of which must succeed.
    pub fn ip_batch(&self, lines: &str) -> Result<()> {
        let mut ip = self.command("ip");
        run_with_input(ip.args(["-batch", "-"]), lines)?
            .success()
            .with_context(|| format!("in {}:\n{lines}", self.name))?;
        Ok(())
    }

    /// Writes kernel settings of this namespace: pairs of a path below `/proc/sys` and a value.
    pub fn set_kernel(&self, settings: &[(&str, &str)]) -> Result<()> {
        self.enter(|| {
            for (setting, value) in settings {
                fs::write(Path::new("/proc/sys").join(setting), value)
                    .with_context(|| format!("cannot set {setting} to {value}"))?;
            }
            Ok(())
        })?
    }

    /// Runs `work` on a new thread whose network is this namespace.
    ///
    /// Threads that `work` starts are in the namespace too; the calling thread stays where it is.
    /// A panic in `work` goes on in the caller.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let path = self.path();
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let entered = thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&file, CloneFlags::CLONE_NEWNET)?;
                Ok::<T, nix::Error>(work())
            });
            inside.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        entered.map_err(|failure| anyhow!(failure).context(format!("cannot enter {}", self.name)))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        report("cannot delete a namespace", delete_namespace(&self.name));
    }
}

/// Tells of a failure while cleaning up, where nothing can be returned.
pub(crate) fn report(what: &str, outcome: Result<()>) {
    if let Err(failure) = outcome {
        // A standard error that is closed leaves nobody to tell.
        writeln!(std::io::stderr(), "{what}: {failure:#}").ok();
    }
}
