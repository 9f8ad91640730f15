//! `backend`: an address that serves, one of those behind a service.

use serde::Serialize;

use super::{
    error::CliError,
    output::{Output, View},
    page::Page,
    service::backend_columns,
    table::Table,
};
use crate::{
    api::{BackendView, Client},
    config::{AdminState, BackendSettings, NewBackend},
};

/// Add, change, drain, remove and list the backends of services.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Backend {
    Add(Add),
    Set(Set),
    /// Remove a backend from its service. Its connections end; `drain` it first to keep them.
    Remove(Target),
    /// Stop new flows to a backend; flows in progress keep it.
    Drain(Target),
    /// Let a backend that was drained or disabled take flows again.
    Enable(Target),
    /// Switch a backend off: it takes nothing and is not checked.
    Disable(Target),
    List(List),
}

/// Add a backend to a service.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Service name, as `service list` shows it.
    service: String,
    /// Backend address; without a port, the port of the service is meant.
    #[arg(value_name = "ADDR[:PORT]")]
    address: String,
    /// Name of the new backend [default: its address]
    #[arg(long)]
    name: Option<String>,
    /// Share of new flows relative to the others, 0 to 1000 [default: 100]
    #[arg(long)]
    weight: Option<u16>,
    /// Use it only while too few of the others are up.
    #[arg(long)]
    backup: bool,
    /// What names it in connection ids, in hexadecimal, for a service with `quic`.
    #[arg(long, value_name = "HEX")]
    server_id: Option<String>,
}

/// Change a backend's settings.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true, args = ["weight", "backup"])]
pub(super) struct Set {
    #[command(flatten)]
    target: Target,
    /// Share of new flows relative to the others, 0 to 1000; 0 takes none.
    #[arg(long)]
    weight: Option<u16>,
    /// Whether to use it only while too few of the others are up.
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    backup: Option<bool>,
}

/// Names a backend.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Target {
    /// Service name, as `service list` shows it.
    service: String,
    /// Backend name or address, as `backend list` shows them.
    backend: String,
}

/// List backends.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only the backends of this service.
    service: Option<String>,
}

impl Backend {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        let (target, settings) = match self {
            Self::Add(add) => return add.run(client, output).await,
            Self::List(list) => return list.run(client, output).await,
            Self::Remove(Target { service, backend }) => {
                return output.print(&client.remove_backend(&service, &backend).await?);
            }
            Self::Set(Set { target, weight, backup }) => {
                (target, BackendSettings { weight, backup, state: None })
            }
            Self::Drain(target) => (target, only_state(AdminState::Draining)),
            Self::Enable(target) => (target, only_state(AdminState::Enabled)),
            Self::Disable(target) => (target, only_state(AdminState::Disabled)),
        };
        let Target { service, backend } = target;
        output.print(&client.set_backend(&service, &backend, &settings).await?)
    }
}

fn only_state(state: AdminState) -> BackendSettings {
    BackendSettings { state: Some(state), ..BackendSettings::default() }
}

impl Add {
    async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        let Self { service, address, name, weight, backup, server_id } = self;
        let backend = NewBackend { address, name, weight, backup, server_id };
        output.print(&client.add_backend(&service, &backend).await?)
    }
}

/// `backend list --json`
#[derive(Serialize)]
struct BackendList {
    backends: Vec<OfService>,
}

#[derive(Serialize)]
struct OfService {
    service: String,
    #[serde(flatten)]
    backend: BackendView,
}

impl List {
    async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        let services = match self.service {
            Some(service) => vec![client.service(&service).await?],
            None => client.services().await?.services,
        };
        let backends = services.into_iter().flat_map(|service| {
            let name = service.name;
            let named = move |backend| OfService { service: name.clone(), backend };
            service.backends.into_iter().map(named)
        });
        output.print(&BackendList { backends: backends.collect() })
    }
}

impl View for BackendList {
    fn show(&self, page: &mut Page) {
        if self.backends.is_empty() {
            page.line("no backends; `loadbalancer backend add` adds one");
            return;
        }
        let services = self.backends.iter().map(|backend| &backend.service);
        let backends: Vec<_> = self.backends.iter().map(|backend| &backend.backend).collect();
        page.table(0, &backend_columns(Table::new().words("SERVICE", 0, services), &backends));
    }
}
