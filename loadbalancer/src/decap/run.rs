//! The process in the foreground: sets everything up, then follows this host's addresses.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::{DecapError, Decapsulator, Settings};
use crate::{
    cli::LogFormat,
    config::XdpMode,
    daemon, datapath,
    network::{self, Interface, OwnAddresses},
};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of the interfaces that encapsulated packets come in by.
    pub interfaces: Vec<String>,
    /// What is taken out of which tunnels.
    pub settings: Settings,
    /// Where in the receive path the program runs.
    pub xdp_mode: XdpMode,
    /// Directory on a BPF file system.
    pub pin_directory: PathBuf,
    /// Form of the log.
    pub log_format: LogFormat,
}

/// Decapsulates until it is asked to end; the program stays attached then, and packets go on.
///
/// # Errors
///
/// When it cannot start; what was set up before goes on as it was.
pub async fn run(options: Options) -> Result<(), DecapError> {
    daemon::start_log(options.log_format);
    let mut terminate = signal(SignalKind::terminate()).map_err(DecapError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(DecapError::Signals)?;
    let mut changes = OwnAddresses::listen()?;
    let mut decapsulator = set_up(&options).await?;
    tracing::info!("ready");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = changes.changed() => {
                if let Err(error) = follow_addresses(&mut decapsulator).await {
                    tracing::warn!(%error, hint = error.hint(), "own addresses are not up to date");
                }
            }
        }
    }
    tracing::info!(
        "ended; the program stays attached, packets go on; `loadbalancer decap detach` removes it"
    );
    Ok(())
}

/// Everything that can be refused is tried before an interface is touched.
async fn set_up(options: &Options) -> Result<Decapsulator, DecapError> {
    let mut interfaces = Vec::new();
    for name in &options.interfaces {
        let interface = network::find_interface(name).await?;
        interface.ethernet()?;
        interfaces.push(interface);
    }
    let pin_directory = options.pin_directory.clone();
    let mut decapsulator = Decapsulator::open(pin_directory, &options.settings)?;
    let Err(error) = bring_up(&mut decapsulator, &interfaces, options.xdp_mode).await else {
        return Ok(decapsulator);
    };
    if decapsulator.was_adopted() {
        if let Err(error) = decapsulator.undo() {
            tracing::warn!(%error, "prefixes of the failed start stay");
        }
    } else {
        drop(decapsulator);
        if let Err(error) = datapath::detach(&options.pin_directory) {
            tracing::warn!(%error, "pins of the failed start stay");
        }
    }
    Err(error)
}

/// Fills the maps, then attaches: the first packet meets a complete set of rules.
async fn bring_up(
    decapsulator: &mut Decapsulator,
    interfaces: &[Interface],
    mode: XdpMode,
) -> Result<(), DecapError> {
    follow_addresses(decapsulator).await?;
    for Interface { name, index, .. } in interfaces {
        let mode = decapsulator.attach(name, *index, mode)?;
        tracing::info!(interface = name, mode = mode.name(), "attached");
    }
    for removed in decapsulator.settle()? {
        tracing::info!("removed {removed}");
    }
    Ok(())
}

async fn follow_addresses(decapsulator: &mut Decapsulator) -> Result<(), DecapError> {
    let own = network::own_addresses().await?;
    if decapsulator.set_own_addresses(&own)? {
        let list: Vec<String> = own.iter().map(ToString::to_string).collect();
        tracing::info!(addresses = list.join(", "), "tunnels may end at these addresses");
    }
    Ok(())
}
