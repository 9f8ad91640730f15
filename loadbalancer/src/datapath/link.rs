//! A program's link to an interface: pinned, so that it outlives the process that attached it.

use std::{io, path::Path};

use aya::programs::{
    ProgramError, Xdp, XdpMode as AyaMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{
    DatapathError,
    error::os_error,
    pins::{Pins, remove_link},
};
use crate::config::XdpMode;

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

/// Attaches a loaded program to an interface, or replaces what an earlier process attached there.
///
/// # Errors
///
/// When the interface is busy with another program, or refuses the mode.
pub(crate) fn attach(
    xdp: &mut Xdp,
    interface: &str,
    ifindex: u32,
    mode: XdpMode,
    pins: &Pins,
) -> Result<AttachedMode, DatapathError> {
    let modes: &[AttachedMode] = match mode {
        XdpMode::Auto => &[AttachedMode::Native, AttachedMode::Generic],
        XdpMode::Native => &[AttachedMode::Native],
        XdpMode::Generic => &[AttachedMode::Generic],
    };
    match adopt(xdp, ifindex, modes, pins)? {
        Some(mode) => Ok(mode),
        None => attach_new(xdp, interface, ifindex, mode, pins),
    }
}

/// Takes over the link of an earlier daemon, if there is one in one of the modes; a link in another
/// mode is removed.
fn adopt(
    xdp: &mut Xdp,
    ifindex: u32,
    modes: &[AttachedMode],
    pins: &Pins,
) -> Result<Option<AttachedMode>, DatapathError> {
    for mode in [AttachedMode::Native, AttachedMode::Generic] {
        let pin = pins.link(ifindex, mode.name());
        if !pin.exists() {
            continue;
        }
        if modes.contains(&mode) && replace_at(xdp, &pin)? {
            return Ok(Some(mode));
        }
        remove_link(&pin)?;
    }
    Ok(None)
}

/// Replaces the program of the link at `pin`; false when the link's interface is gone.
pub(super) fn replace_at(xdp: &mut Xdp, pin: &Path) -> Result<bool, DatapathError> {
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
    xdp: &mut Xdp,
    interface: &str,
    ifindex: u32,
    mode: XdpMode,
    pins: &Pins,
) -> Result<AttachedMode, DatapathError> {
    let attach_as = |xdp: &mut Xdp, mode: AttachedMode| {
        attach_in(xdp, interface, ifindex, mode, &pins.link(ifindex, mode.name()))
    };
    match mode {
        XdpMode::Native => attach_as(xdp, AttachedMode::Native),
        XdpMode::Generic => attach_as(xdp, AttachedMode::Generic),
        XdpMode::Auto => match attach_as(xdp, AttachedMode::Native) {
            Err(DatapathError::Refused { source, .. }) => {
                tracing::warn!(
                    interface,
                    reason = %source,
                    "the driver does not run XDP programs; attaching in generic mode, where every \
                     packet costs a socket buffer first: expect a fraction of native speed, and turn \
                     GRO off, whose merged frames cannot be forwarded (`ethtool -K IF gro off`)"
                );
                attach_as(xdp, AttachedMode::Generic)
            }
            other => other,
        },
    }
}

fn attach_in(
    xdp: &mut Xdp,
    interface: &str,
    ifindex: u32,
    mode: AttachedMode,
    pin: &Path,
) -> Result<AttachedMode, DatapathError> {
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
