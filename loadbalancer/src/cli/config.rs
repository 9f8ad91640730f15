//! `config`: the configuration, in a file and running.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    error::CliError,
    output::{Output, View},
    page::Page,
    units::counted,
};
use crate::{api::Client, config};

/// Check a configuration file, or show the configuration that runs.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Config {
    Check(Check),
    Show(Show),
}

/// Say whether a file is a valid configuration. Works without a daemon.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Configuration file.
    file: PathBuf,
}

/// Show the configuration that runs, with its comments.
#[derive(Debug, clap::Args)]
pub(super) struct Show {}

impl Config {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Check(check) => output.print(&Checked::read(&check.file)?),
            Self::Show(_) => output.print(&Document::read(client.config().await?)?),
        }
    }
}

/// What a configuration file holds.
#[derive(Debug, Serialize)]
struct Checked {
    /// The file, as it was named.
    file: String,
    /// Number of services.
    services: usize,
    /// Number of backends of all services.
    backends: usize,
    /// Number of firewall rules.
    rules: usize,
}

impl Checked {
    fn read(file: &Path) -> Result<Self, CliError> {
        let document =
            config::Document::load(file).map_err(|error| CliError::failed(&error, error.hint()))?;
        let config = document.config();
        Ok(Self {
            file: file.display().to_string(),
            services: config.services.len(),
            backends: config.services.iter().map(|service| service.backends.len()).sum(),
            rules: config.firewall.rules.len(),
        })
    }
}

impl View for Checked {
    fn show(&self, page: &mut Page) {
        let Self { file, services, backends, rules } = self;
        let [services, backends, rules] =
            [(services, "service"), (backends, "backend"), (rules, "firewall rule")]
                .map(|(count, what)| counted(u64::try_from(*count).unwrap_or(u64::MAX), what));
        page.line(format_args!("{file} is valid: {services}, {backends}, {rules}"));
    }
}

/// The text, and what it says.
struct Document {
    text: String,
    value: toml::Table,
}

impl Document {
    fn read(text: String) -> Result<Self, CliError> {
        let hint = "see whether command and daemon are the same version";
        let value = toml::from_str(&text).map_err(|error| CliError::failed(&error, hint))?;
        Ok(Self { text, value })
    }
}

impl Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl View for Document {
    fn show(&self, page: &mut Page) {
        if !self.text.is_empty() {
            page.line(self.text.trim_end_matches('\n'));
        }
    }
}
