//! What commands need of the rest of the library without a daemon in between.
//!
//! SEAM: each function stands for one call into another room of the library.

use std::path::Path;

use serde::Serialize;

use super::{error::CliError, run::RunArgs};
use crate::api::Failure;

/// What a configuration file holds.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    /// The file, as it was named.
    pub(super) file: String,
    /// Number of services.
    pub(super) services: usize,
    /// Number of backends of all services.
    pub(super) backends: usize,
    /// Number of firewall rules.
    pub(super) rules: usize,
}

/// SEAM: `crate::daemon::run(args)`.
#[expect(clippy::unused_async, reason = "the daemon runs until it is told to stop")]
pub(super) async fn run_daemon(args: RunArgs) -> Result<(), CliError> {
    tracing::debug!(?args, "run");
    Err(not_built_in("run"))
}

/// SEAM: `crate::datapath::detach(pin_directory)`; what was removed, a line each.
pub(super) fn detach(pin_directory: &Path) -> Result<Vec<String>, CliError> {
    tracing::debug!(path = %pin_directory.display(), "detach");
    Err(not_built_in("detach"))
}

/// SEAM: `crate::config::Document::load(file)`.
pub(super) fn check(file: &Path) -> Result<Checked, CliError> {
    tracing::debug!(path = %file.display(), "check");
    Err(not_built_in("config check"))
}

fn not_built_in(command: &str) -> CliError {
    CliError::Failed(Failure {
        error: format!("`{command}` is not part of this build"),
        ..Failure::default()
    })
}
