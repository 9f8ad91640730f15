//! Attaching the program to an interface, and replacing it there.

use std::{
    ffi::CString,
    fs, io,
    path::{Path, PathBuf},
};

use aya::programs::{
    ProgramError, XdpMode as AyaMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};
use aya_log::EbpfLogger;
use loadbalancer_common::Mac;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    DatapathError,
    error::os_error,
    load::Program,
    pins::{Pins, pin_error},
};
use crate::{
    config::{Limits, XdpMode},
    engine::Features,
};

/// The mode in which a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedMode {
    /// In the driver.
    Native,
    /// In the network stack.
    Generic,
}

impl AttachedMode {
    /// The name that users read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    const fn aya(self) -> AyaMode {
        match self {
            Self::Native => AyaMode::Driver,
            Self::Generic => AyaMode::Skb,
        }
    }
}

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
        let modes: &[AttachedMode] = match mode {
            XdpMode::Auto => &[AttachedMode::Native, AttachedMode::Generic],
            XdpMode::Native => &[AttachedMode::Native],
            XdpMode::Generic => &[AttachedMode::Generic],
        };
        let adopted = adopt(&mut program, ifindex, modes, pins)?;
        let mode = match adopted {
            Some(mode) => mode,
            None => attach_new(&mut program, interface, ifindex, mode, pins)?,
        };
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
        if !replace_at(&mut program, &self.pin)? {
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

/// Takes over the link of an earlier daemon, if there is one in one of the modes; a link in another
/// mode is removed.
fn adopt(
    program: &mut Program,
    ifindex: u32,
    modes: &[AttachedMode],
    pins: &Pins,
) -> Result<Option<AttachedMode>, DatapathError> {
    for mode in [AttachedMode::Native, AttachedMode::Generic] {
        let pin = pins.link(ifindex, mode.name());
        if !pin.exists() {
            continue;
        }
        if modes.contains(&mode) && replace_at(program, &pin)? {
            return Ok(Some(mode));
        }
        fs::remove_file(&pin).map_err(pin_error("remove", &pin))?;
    }
    Ok(None)
}

/// Replaces the program of the link at `pin`; false when the link's interface is gone.
fn replace_at(program: &mut Program, pin: &Path) -> Result<bool, DatapathError> {
    let link = PinnedLink::from_pin(pin).map_err(|error| DatapathError::Pin {
        action: "open",
        path: pin.to_owned(),
        source: io::Error::other(error),
    })?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(|error| DatapathError::Pin {
        action: "open",
        path: pin.to_owned(),
        source: io::Error::other(error),
    })?;
    let xdp = program.xdp()?;
    match xdp.attach_to_link(link) {
        Ok(id) => {
            // The pin keeps the link; this process must not hold it, so that removing the pin
            // detaches.
            xdp.take_link(id).map_err(DatapathError::from_program).map(drop)?;
            Ok(true)
        }
        Err(error) if os_error(&error) == Some(libc::ENOLINK) => Ok(false),
        Err(error) => Err(DatapathError::from_program(error)),
    }
}

fn attach_new(
    program: &mut Program,
    interface: &str,
    ifindex: u32,
    mode: XdpMode,
    pins: &Pins,
) -> Result<AttachedMode, DatapathError> {
    let attach = |program: &mut Program, mode: AttachedMode| {
        attach_in(program, interface, ifindex, mode, &pins.link(ifindex, mode.name()))
    };
    match mode {
        XdpMode::Native => attach(program, AttachedMode::Native),
        XdpMode::Generic => attach(program, AttachedMode::Generic),
        XdpMode::Auto => match attach(program, AttachedMode::Native) {
            Err(DatapathError::Refused { source, .. }) => {
                tracing::warn!(
                    interface,
                    reason = %source,
                    "the driver does not run XDP programs; attaching in generic mode, where every \
                     packet costs a socket buffer first: expect a fraction of native speed, and turn \
                     GRO off, whose merged frames cannot be forwarded (`ethtool -K IF gro off`)"
                );
                attach(program, AttachedMode::Generic)
            }
            other => other,
        },
    }
}

fn attach_in(
    program: &mut Program,
    interface: &str,
    ifindex: u32,
    mode: AttachedMode,
    pin: &Path,
) -> Result<AttachedMode, DatapathError> {
    let xdp = program.xdp()?;
    let id = xdp
        .attach_to_if_index(ifindex, mode.aya())
        .map_err(|error| attach_error(interface, mode, error))?;
    let link = xdp.take_link(id).map_err(DatapathError::from_program)?;
    let link = FdLink::try_from(link).map_err(|error| DatapathError::Pin {
        action: "pin",
        path: pin.to_owned(),
        source: io::Error::other(error),
    })?;
    link.pin(pin).map(drop).map_err(|error| DatapathError::Pin {
        action: "pin",
        path: pin.to_owned(),
        source: io::Error::other(error),
    })?;
    Ok(mode)
}

fn attach_error(interface: &str, mode: AttachedMode, error: ProgramError) -> DatapathError {
    let interface = interface.to_owned();
    match os_error(&error) {
        Some(libc::EBUSY | libc::EEXIST) => DatapathError::Busy { interface },
        Some(code @ libc::EPERM) => DatapathError::NotPermitted {
            action: "attaching an XDP program",
            source: io::Error::from_raw_os_error(code),
        },
        _ => DatapathError::Refused { interface, mode: mode.name(), source: Box::new(error) },
    }
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
