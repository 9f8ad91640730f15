//! `health`: what the checks say.

use super::{
    error::CliError,
    output::{Output, View},
    page::Page,
    status::state,
    table::Table,
    units::duration,
};
use crate::{api::Client, stats::HealthReport};

/// Show what the health checks say of each backend, and why one is down.
#[derive(Debug, clap::Args)]
pub(super) struct Health {
    /// Only the backends of this service.
    service: Option<String>,
}

impl Health {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        output.print(&client.health(self.service.as_deref()).await?)
    }
}

impl View for HealthReport {
    fn show(&self, page: &mut Page) {
        let backends = &self.backends;
        if backends.is_empty() {
            page.line("no backends; `loadbalancer backend add` adds one");
            return;
        }
        let latency = |latency: f64| format!("{latency:.1} ms");
        let dash = || "-".to_owned();
        let latencies =
            backends.iter().map(|backend| backend.latency_ms.map_or_else(dash, latency));
        let errors = backends.iter().map(|backend| backend.last_error.clone().unwrap_or_else(dash));
        let table = Table::new()
            .words("SERVICE", 0, backends.iter().map(|backend| &backend.service))
            .words("BACKEND", 0, backends.iter().map(|backend| &backend.backend))
            .words("ADDRESS", 2, backends.iter().map(|backend| &backend.address))
            .words("STATE", 0, backends.iter().map(|backend| state(backend.state)))
            .numbers("SINCE", 0, backends.iter().map(|backend| duration(backend.since_seconds)))
            .words("CHECK", 1, backends.iter().map(|backend| &backend.check))
            .numbers("LATENCY", 3, latencies)
            .words("LAST ERROR", 0, errors);
        page.table(0, &table);
    }
}
