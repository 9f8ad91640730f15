//! `service`: a VIP, a port, a protocol, and the backends behind them.

use super::{
    error::CliError,
    output::{Output, View},
    page::{Colour, Page},
    status::state,
    table::Table,
    words,
};
use crate::{
    api::{BackendView, Client, ServiceList, ServiceView},
    config::{Algorithm, Forward, NewService, Protocol},
    stats::BackendState,
};

/// Add, remove and list services.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Service {
    Add(Add),
    Remove(Remove),
    List(List),
    Show(Show),
}

/// Add a service; it takes flows once it has a healthy backend.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Name of the new service.
    name: String,
    /// VIP and port, such as `192.0.2.10:80` or `[2001:db8::10]:443`; port 0 is every port.
    #[arg(long, value_name = "ADDR:PORT")]
    address: String,
    /// Transport protocol: `tcp` or `udp`.
    #[arg(long, default_value = "tcp", value_parser = words::parse::<Protocol>)]
    protocol: Protocol,
    /// How packets reach a backend: `nat`, or `dsr` for backends that answer clients themselves.
    #[arg(long, value_name = "MODE", default_value = "nat", value_parser = words::parse::<Forward>)]
    forward: Forward,
    /// How a flow's backend is chosen.
    #[arg(long, default_value = "maglev", value_parser = words::parse::<Algorithm>)]
    algorithm: Algorithm,
    /// Health check: `tcp`, `http` or `none` [default: `tcp` for TCP, `none` for UDP]
    #[arg(long, value_name = "KIND")]
    health: Option<String>,
    /// Follow QUIC connections by the server id in their connection ids.
    #[arg(long)]
    quic: bool,
}

/// Remove a service and its backends. Their connections end.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Service name, as `service list` shows it.
    name: String,
}

/// List the services.
#[derive(Debug, clap::Args)]
pub(super) struct List {}

/// Show one service and its backends.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Service name, as `service list` shows it.
    name: String,
}

impl Service {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Add(add) => output.print(&client.add_service(&add.into()).await?),
            Self::Remove(remove) => output.print(&client.remove_service(&remove.name).await?),
            Self::List(_) => output.print(&client.services().await?),
            Self::Show(show) => output.print(&client.service(&show.name).await?),
        }
    }
}

impl From<Add> for NewService {
    fn from(add: Add) -> Self {
        let Add { name, address, protocol, forward, algorithm, health, quic } = add;
        Self { name, address, protocol, forward, algorithm, health, quic }
    }
}

/// Address and protocol of a service, such as `192.0.2.10:80/tcp`.
pub(super) fn endpoint(address: &str, protocol: Protocol) -> String {
    format!("{address}/{}", words::name(protocol))
}

/// How many backends take flows, of how many.
fn healthy(backends: &[BackendView]) -> String {
    let healthy = backends.iter().filter(|backend| backend.state == BackendState::Healthy);
    format!("{}/{}", healthy.count(), backends.len())
}

impl View for ServiceList {
    fn show(&self, page: &mut Page) {
        let services = &self.services;
        if services.is_empty() {
            page.line("no services; `loadbalancer service add` adds one");
            return;
        }
        let table = Table::new()
            .words("SERVICE", 0, services.iter().map(|service| &service.name))
            .words("ADDRESS", 0, services.iter().map(|service| &service.address))
            .words("PROTOCOL", 0, services.iter().map(|service| words::name(service.protocol)))
            .words("FORWARD", 1, services.iter().map(|service| words::name(service.forward)))
            .words("ALGORITHM", 2, services.iter().map(|service| words::name(service.algorithm)))
            .numbers("HEALTHY", 0, services.iter().map(|service| healthy(&service.backends)));
        page.table(0, &table);
    }
}

impl View for ServiceView {
    fn show(&self, page: &mut Page) {
        page.line(format_args!(
            "{}  {}  {}  {}",
            page.painted(Colour::Bold, &self.name),
            endpoint(&self.address, self.protocol),
            words::name(self.forward),
            words::name(self.algorithm)
        ));
        page.gap();
        if self.backends.is_empty() {
            page.line(no_backends(&self.name));
            return;
        }
        let rows: Vec<_> = self.backends.iter().collect();
        page.table(0, &backend_columns(Table::new(), &rows));
    }
}

/// What stands where a table of backends would.
pub(super) fn no_backends(service: &str) -> String {
    format!("no backends; `loadbalancer backend add {service} ADDR:PORT` adds one")
}

/// A truth as a word.
pub(super) fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

/// The columns of a list of backends, after those that are there.
pub(super) fn backend_columns(table: Table, backends: &[&BackendView]) -> Table {
    table
        .words("BACKEND", 0, backends.iter().map(|backend| &backend.name))
        .words("ADDRESS", 1, backends.iter().map(|backend| &backend.address))
        .words("STATE", 0, backends.iter().map(|backend| state(backend.state)))
        .numbers("WEIGHT", 0, backends.iter().map(|backend| backend.weight.to_string()))
        .words("BACKUP", 2, backends.iter().map(|backend| yes(backend.backup)))
        .numbers("ACTIVE", 0, backends.iter().map(|backend| backend.active_connections.to_string()))
}
