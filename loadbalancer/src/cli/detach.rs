//! `detach`: take programs and maps out of the kernel.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    error::CliError,
    output::{Output, View},
    page::Page,
};
use crate::{datapath, network};

/// Take programs and maps out of the kernel. Connections and counters are lost.
///
/// Works without a daemon, and is meant for after the daemon has ended.
#[derive(Debug, clap::Args)]
pub(super) struct Detach {
    /// Directory that programs and maps are pinned in.
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/bpf/loadbalancer")]
    pin_directory: PathBuf,
}

#[derive(Serialize)]
pub(super) struct Removed {
    /// One line for each thing that was removed.
    pub(super) removed: Vec<String>,
}

impl Detach {
    pub(super) fn run(self, output: &mut Output) -> Result<(), CliError> {
        let detached = datapath::detach(&self.pin_directory)
            .map_err(|error| CliError::failed(&error, &error.hint()))?;
        for ports in detached.ports {
            network::release_ports(ports)
                .map_err(|error| CliError::failed(&error, error.hint()))?;
        }
        output.print(&Removed { removed: detached.removed })
    }
}

impl View for Removed {
    fn show(&self, page: &mut Page) {
        if self.removed.is_empty() {
            page.line("nothing is attached");
        }
        for removed in &self.removed {
            page.line(format_args!("removed {removed}"));
        }
    }
}
