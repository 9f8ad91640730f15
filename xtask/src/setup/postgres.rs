//! PostgreSQL's programs without a database: labs make databases of their own.
//!
//! Debian's package makes a cluster when it is installed, and starts its server. A drop-in file
//! that says otherwise lies there during the installation, and is gone afterwards.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

/// Where Debian has the programs, a directory for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Directory that the default of `createcluster.conf` includes.
const DROP_INS: &str = "/etc/postgresql-common/createcluster.d";

const DROP_IN: &str = "loadbalancer-labs.conf";

/// Whether any version's server is there, with what makes a database.
pub(super) fn is_installed() -> bool {
    let Ok(versions) = fs::read_dir(VERSIONS) else { return false };
    versions.flatten().any(|version| version.path().join("bin/initdb").exists())
}

/// Runs an installation that makes no cluster.
pub(super) fn without_cluster(install: impl FnOnce() -> Result<()>) -> Result<()> {
    let directory = Path::new(DROP_INS);
    let drop_in = directory.join(DROP_IN);
    fs::create_dir_all(directory).with_context(|| format!("cannot create {DROP_INS}"))?;
    fs::write(&drop_in, "create_main_cluster = false\n")
        .with_context(|| format!("cannot write {}", drop_in.display()))?;
    let installed = install();
    fs::remove_file(&drop_in).with_context(|| format!("cannot remove {}", drop_in.display()))?;
    match fs::remove_dir(directory) {
        // Others have files in it.
        Err(failure) if failure.kind() != ErrorKind::DirectoryNotEmpty => {
            Err(failure).with_context(|| format!("cannot remove {DROP_INS}"))?;
        }
        Ok(()) | Err(_) => {}
    }
    installed
}
