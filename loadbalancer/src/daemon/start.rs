//! How the daemon comes up: everything that can be refused is tried before an interface is touched.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, watch};

use super::{
    StartError,
    controller::{Controller, Inbox},
    handle::Handle,
    logging,
    plane::{Plane, PlaneError},
    signals::Signals,
};
use crate::{
    api::{Listener, Socket},
    cli::RunArgs,
    config::{Config, Document},
    datapath::{self, Datapath},
    health::Monitor,
    network::{self, Resolver},
    stats::{InterfaceStatus, Sampler},
};

const DEFAULT_CONFIG: &str = "/etc/loadbalancer/config.toml";
/// Requests and events that wait for the controller; whoever sends more waits.
const QUEUE: usize = 256;
/// How long the start waits for the link-layer addresses of the backends' next hops.
const SETTLE: Duration = Duration::from_secs(1);

/// Runs the daemon until it is asked to end. Programs and maps stay then, and packets go on.
///
/// # Errors
///
/// When it cannot start; what was pinned before goes on as it was.
pub async fn run(args: RunArgs) -> Result<(), StartError> {
    logging::start(args.log_format);
    let document = load(args.config.as_deref())?;
    let config = document.config().clone();
    let interfaces = interfaces(&args, &config).await?;
    let signals = Signals::listen().map_err(StartError::Signals)?;
    let socket = Socket::open(args.socket.as_deref().unwrap_or(&config.api.socket))?;
    let listener = match config.api.listen {
        Some(address) => Some(Listener::open(address).await?),
        None => None,
    };
    let (to_controller, requests) = mpsc::channel(QUEUE);
    let (to_health, health) = mpsc::channel(QUEUE);
    let pin_directory = config.datapath.pin_directory.clone();
    let datapath = Datapath::open(pin_directory.clone(), config.datapath.limits)?;
    let was_adopted = datapath.was_adopted();
    let started = bring_up(&args, document, datapath, &interfaces, Monitor::start(to_health)).await;
    let controller = match started {
        Ok(controller) => controller,
        Err(error) => {
            if !was_adopted {
                clean_up(&pin_directory);
            }
            return Err(error);
        }
    };
    let (stop, stopped) = watch::channel(());
    let handle = Handle::new(to_controller);
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(socket.serve(handle.clone(), wait(stopped.clone())));
    if let Some(listener) = listener {
        servers.spawn(listener.serve(handle, wait(stopped)));
    } else {
        drop(handle);
    }
    tracing::info!("ready");
    controller.run(Inbox { requests, health, signals }).await;
    drop(stop);
    servers.join_all().await;
    tracing::info!(
        "ended; programs stay attached, packets go on; `loadbalancer detach` removes them"
    );
    Ok(())
}

fn load(path: Option<&Path>) -> Result<Document, StartError> {
    let default = Path::new(DEFAULT_CONFIG);
    match path {
        Some(path) => Ok(Document::load(path)?),
        None if default.exists() => Ok(Document::load(default)?),
        None => Ok(Document::empty()),
    }
}

/// The interfaces to attach to, all of which exist, with their indexes.
async fn interfaces(args: &RunArgs, config: &Config) -> Result<Vec<(String, u32)>, StartError> {
    let names =
        if args.interfaces.is_empty() { &config.datapath.interfaces } else { &args.interfaces };
    if names.is_empty() {
        return Err(StartError::NoInterface);
    }
    let mut found = Vec::new();
    for name in names {
        let interface = network::find_interface(name).await?;
        found.push((interface.name, interface.index));
    }
    Ok(found)
}

/// Fills the maps, then attaches: the first packet meets a complete data plane.
async fn bring_up(
    args: &RunArgs,
    document: Document,
    datapath: Datapath,
    interfaces: &[(String, u32)],
    monitor: Monitor,
) -> Result<Controller, StartError> {
    let config = document.config().clone();
    let plane = Plane::new(datapath, config.datapath.limits)?;
    let (resolver, next_hops) = Resolver::start()?;
    let mut controller = Controller {
        document,
        plane,
        monitor,
        resolver,
        next_hops,
        interfaces: Vec::new(),
        ifindexes: interfaces.iter().map(|(_, index)| *index).collect(),
        sampler: Sampler::default(),
        started: Instant::now(),
    };
    // Before the first check: one from a port of the range would leave the backend in TIME-WAIT, and
    // the connection that is translated to that port would be answered with it.
    controller.plane.reserve_ports(&config);
    controller.watch_backends(&config);
    if !controller.resolver.wait_settled(SETTLE).await {
        tracing::warn!("some backends have no link-layer address yet; see `loadbalancer status`");
    }
    let plan = controller.plan(&config)?;
    controller.plane.apply(plan).map_err(|error| match error {
        PlaneError::Engine(error) => StartError::Engine(error),
        PlaneError::Datapath(error) => StartError::Datapath(error),
    })?;
    let mode = args.xdp_mode.unwrap_or(config.datapath.xdp_mode);
    for (name, _) in interfaces {
        let attached = controller.plane.datapath.attach(name, mode)?;
        tracing::info!(interface = name, mode = attached.name(), "attached");
        let mode = attached.name().to_owned();
        controller.interfaces.push(InterfaceStatus { name: name.clone(), mode });
    }
    for removed in controller.plane.datapath.remove_leftovers()? {
        tracing::info!("removed {removed}");
    }
    Ok(controller)
}

/// Takes away what a start that failed has pinned.
fn clean_up(pin_directory: &Path) {
    match datapath::detach(pin_directory) {
        Ok(detached) => {
            for ports in detached.ports {
                if let Err(error) = network::release_ports(ports) {
                    tracing::warn!(%error, "ports stay reserved");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "pins of the failed start stay"),
    }
}

async fn wait(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}
