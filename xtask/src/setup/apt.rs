//! Debian's packages: what is offered, and installing it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::toolchain::find_program;
use crate::command::output;
use crate::report::say;

/// Seconds that apt waits for another run of it to end.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

/// The package lists, fetched at most once a run.
#[derive(Debug, Default)]
pub(super) struct Apt {
    updated: bool,
}

impl Apt {
    /// The version of `package` that would be installed, or is; `None` where apt offers none.
    pub(super) fn candidate(&mut self, package: &str) -> Result<Option<String>> {
        if find_program("apt-cache").is_none() {
            return Ok(None);
        }
        if is_root() {
            self.update()?;
        }
        let policy =
            output(Command::new("apt-cache").args(["policy", package]).env("LC_ALL", "C"))?;
        Ok(candidate_of(&policy))
    }

    /// Installs `packages`, without what they only recommend and without removing anything.
    pub(super) fn install(&mut self, packages: &[&str]) -> Result<()> {
        let list = packages.join(" ");
        ensure!(
            find_program("apt-get").is_some(),
            "there is no apt-get here: install what Debian calls {list}, and run \
             `cargo xtask setup` again"
        );
        ensure!(is_root(), "as root, run `apt-get install --no-install-recommends {list}`");
        self.update()?;
        let mut command = apt_get();
        command.args(["install", "--yes", "--no-install-recommends", "--no-remove"]);
        output(command.args(packages)).map(drop)
    }

    /// Lists that are partly out of date may do, so a failure is told and the run goes on.
    fn update(&mut self) -> Result<()> {
        if self.updated {
            return Ok(());
        }
        self.updated = true;
        match output(apt_get().arg("update")) {
            Ok(_) => Ok(()),
            Err(error) => say(&format!("apt: goes on with the package lists it has: {error}")),
        }
    }
}

/// Whether we may change the system.
pub(super) fn is_root() -> bool {
    // The directory belongs to the process's effective user.
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether installing a service's package would start it.
pub(super) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-qq", "-o", LOCK_TIMEOUT]);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    command
}

fn candidate_of(policy: &str) -> Option<String> {
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_read_from_the_policy() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        assert_eq!(candidate_of(policy).unwrap(), "1.96.0+dfsg1-1~deb12u2");
    }

    #[test]
    fn a_package_that_is_only_mentioned_has_no_candidate() {
        assert_eq!(candidate_of("rustc-web:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(candidate_of(""), None);
    }
}
