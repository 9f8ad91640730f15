//! The name that everything of one lab carries, and the places derived from it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, anyhow, ensure};

use crate::leftovers;

/// What every lab's name begins with.
const PREFIX: &str = "lb-lab-";

/// Where labs keep configs, sockets and logs: writable by root alone, so nobody can plant a link.
pub(crate) const DIRECTORY: &str = "/run/loadbalancer-labs";

/// Fails unless the process may make network namespaces.
pub fn ensure_root() -> Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "labs make network namespaces: run this as root");
    Ok(())
}

/// Name of one lab: `lb-lab-<pid of its owner>-<number>`, unique on this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabName {
    owner: u32,
    number: u32,
}

impl LabName {
    /// A name that this process has not used, once leftovers of dead owners are removed.
    pub fn claim() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        static SWEPT: OnceLock<Result<(), String>> = OnceLock::new();
        ensure_root()?;
        let swept = SWEPT.get_or_init(|| {
            leftovers::remove_abandoned().map(drop).map_err(|failure| format!("{failure:#}"))
        });
        swept.clone().map_err(|failure| anyhow!(failure).context("an old lab is in the way"))?;
        Ok(Self { owner: std::process::id(), number: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    /// The lab that a namespace, pin directory or lab directory belongs to; `None` for any other.
    pub(crate) fn owner_of(thing: &str) -> Option<Self> {
        let mut parts = thing.strip_prefix(PREFIX)?.splitn(3, '-');
        let owner = parts.next()?.parse().ok()?;
        let number = parts.next()?.parse().ok()?;
        Some(Self { owner, number })
    }

    /// Whether the process that made the lab still runs.
    pub(crate) fn owner_is_alive(&self) -> bool {
        Path::new("/proc").join(self.owner.to_string()).exists()
    }

    /// The lab's files.
    pub fn directory(&self) -> PathBuf {
        Path::new(DIRECTORY).join(self.to_string())
    }

    /// Where the lab's daemon pins its maps and programs.
    pub fn pin_directory(&self) -> PathBuf {
        Path::new(crate::bpffs::MOUNT_POINT).join(self.to_string())
    }

    /// Name of the namespace of the host called `role`.
    pub fn namespace(&self, role: &str) -> String {
        format!("{self}-{role}")
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}{}-{}", self.owner, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_is_found_again_from_what_it_named() {
        let name = LabName { owner: 17, number: 4 };
        assert_eq!(LabName::owner_of(&name.namespace("web-1")), Some(name.clone()));
        assert_eq!(LabName::owner_of(&name.to_string()), Some(name));
    }

    #[test]
    fn what_another_program_named_belongs_to_no_lab() {
        for thing in ["blue", "lb-lab-", "lb-lab-x-1", "lb-lab-12", "lb-lab-12-y"] {
            assert_eq!(LabName::owner_of(thing), None, "{thing}");
        }
    }
}
