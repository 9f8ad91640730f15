//! `run`: be the daemon.

use std::path::PathBuf;

use super::{error::CliError, words};
use crate::{config::XdpMode, daemon};

/// Run the daemon in the foreground: attach to interfaces, balance, check, answer commands.
///
/// When the daemon ends, programs and maps stay and packets go on; `detach` removes them.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// Configuration file [default: /etc/loadbalancer/config.toml, where there is one; else the
    /// daemon begins empty and keeps changes in memory].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Interface to attach to, instead of those in the configuration; can be repeated.
    #[arg(long = "interface", value_name = "IF")]
    pub interfaces: Vec<String>,
    /// Where packets are processed, instead of what the configuration says: `auto`, `native` in
    /// the driver, or `generic` in the network stack.
    #[arg(long, value_name = "MODE", value_parser = words::parse::<XdpMode>)]
    pub xdp_mode: Option<XdpMode>,
    /// Form of the log on standard error.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Unix socket to listen on, from the global option `--socket`; none leaves it to the
    /// configuration.
    #[arg(skip)]
    pub socket: Option<PathBuf>,
}

/// Form of the daemon's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A line of JSON for programs.
    Json,
}

impl RunArgs {
    pub(super) async fn run(self, socket: Option<PathBuf>) -> Result<(), CliError> {
        let run = daemon::run(Self { socket, ..self });
        run.await.map_err(|error| CliError::failed(&error, &error.hint()))
    }
}
