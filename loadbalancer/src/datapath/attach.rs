//! Attaching the program to an interface, and replacing it there.

use std::{
    ffi::CString,
    io,
    path::{Path, PathBuf},
};

use aya_log::EbpfLogger;
use loadbalancer_common::Mac;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    DatapathError,
    link::{self, AttachedMode},
    load::Program,
    pins::Pins,
};
use crate::{
    config::{Limits, XdpMode},
    engine::Features,
};

/// A program that is attached to an interface by a pinned link.
#[derive(Debug)]
pub(super) struct Attachment {
    ifindex: u32,
    mode: AttachedMode,
    pin: PathBuf,
    mac: Mac,
    program: Program,
}

impl Attachment {
    /// Attaches to `interface`, or takes over what an earlier daemon attached there.
    pub(super) fn attach(
        interface: &str,
        mode: XdpMode,
        pins: &Pins,
        limits: &Limits,
        features: Features,
    ) -> Result<Self, DatapathError> {
        let (ifindex, mac) = identify(interface)?;
        let mut program = Program::load(&pins.maps(), limits, features, mac)?;
        let mode = link::attach(program.xdp()?, interface, ifindex, mode, pins)?;
        forward_log(&mut program);
        Ok(Self { ifindex, mode, pin: pins.link(ifindex, mode.name()), mac, program })
    }

    /// Loads the program with other constants and replaces the attached one atomically.
    pub(super) fn replace(
        &mut self,
        pins: &Pins,
        limits: &Limits,
        features: Features,
    ) -> Result<(), DatapathError> {
        let mut program = Program::load(&pins.maps(), limits, features, self.mac)?;
        if !link::replace_at(program.xdp()?, &self.pin)? {
            return Err(DatapathError::Pin {
                action: "find the link",
                path: self.pin.clone(),
                source: io::ErrorKind::NotFound.into(),
            });
        }
        forward_log(&mut program);
        self.program = program;
        Ok(())
    }

    pub(super) fn ifindex(&self) -> u32 {
        self.ifindex
    }

    pub(super) fn mode(&self) -> AttachedMode {
        self.mode
    }

    pub(super) fn pin(&self) -> &Path {
        &self.pin
    }
}

/// Index and link-layer address of an interface.
fn identify(interface: &str) -> Result<(u32, Mac), DatapathError> {
    let missing = || DatapathError::NoInterface {
        interface: interface.to_owned(),
        existing: interface_names(),
    };
    let name = CString::new(interface).map_err(|_contains_nul| missing())?;
    let ifindex = nix::net::if_::if_nametoindex(name.as_c_str()).map_err(|_errno| missing())?;
    let addresses = nix::ifaddrs::getifaddrs().map_err(|_errno| missing())?;
    let mac = addresses
        .filter(|entry| entry.interface_name == interface)
        .find_map(|entry| entry.address?.as_link_addr()?.addr());
    // An interface without a link layer has no MAC: every frame is its own.
    Ok((ifindex, mac.unwrap_or_default()))
}

fn interface_names() -> Vec<String> {
    let Ok(interfaces) = nix::net::if_::if_nameindex() else { return Vec::new() };
    interfaces.iter().map(|entry| entry.name().to_string_lossy().into_owned()).collect()
}

/// Hands the kernel side's rare log lines to the log, while the program lives.
fn forward_log(program: &mut Program) {
    let logger = match EbpfLogger::init(program.ebpf()) {
        Ok(logger) => logger,
        Err(error) => {
            tracing::warn!(%error, "the kernel side's log cannot be read");
            return;
        }
    };
    if tokio::runtime::Handle::try_current().is_err() {
        return; // no runtime, no reader: packet tests
    }
    // SAFETY: the logger owns its file descriptor and answers with that one as long as it lives.
    match unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) } {
        Ok(mut reader) => {
            tokio::spawn(async move {
                while let Ok(mut guard) = reader.readable_mut().await {
                    guard.get_inner_mut().flush();
                    guard.clear_ready();
                }
            });
        }
        Err(error) => tracing::warn!(%error, "the kernel side's log cannot be read"),
    }
}
