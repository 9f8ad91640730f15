//! What can go wrong with the kernel.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, programs::ProgramError};

/// An error of the data plane, with a hint for its remedy.
#[derive(Debug, thiserror::Error)]
pub enum DatapathError {
    /// A capability is missing.
    #[error("the kernel does not permit {action}")]
    NotPermitted {
        /// What was tried.
        action: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The pin directory is not usable.
    #[error("cannot use the pin directory {path}: {reason}")]
    PinDirectory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Another daemon holds the pin directory.
    #[error("another daemon runs with the pin directory {path}")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A pin could not be made, read or removed.
    #[error("cannot {action} {path}")]
    Pin {
        /// What was tried.
        action: &'static str,
        /// The pin.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Programs or maps could not be loaded.
    #[error("cannot load the data plane")]
    Load(#[source] Box<EbpfError>),
    /// The verifier or the kernel refused the program.
    #[error("the kernel refused the program")]
    Program(#[source] Box<ProgramError>),
    /// A map could not be read or written.
    #[error("cannot {action} the map {map}")]
    Map {
        /// What was tried.
        action: &'static str,
        /// Name of the map.
        map: &'static str,
        /// Why not.
        source: Box<MapError>,
    },
    /// Another XDP program is attached to the interface.
    #[error("interface {interface} is busy: another XDP program is attached to it")]
    Busy {
        /// The interface.
        interface: String,
    },
    /// The interface refuses the program.
    #[error("cannot attach to interface {interface} in {mode} mode")]
    Refused {
        /// The interface.
        interface: String,
        /// The mode.
        mode: &'static str,
        /// The kernel's answer.
        source: Box<ProgramError>,
    },
    /// There is no such interface.
    #[error("there is no interface {interface}")]
    NoInterface {
        /// The name that was given.
        interface: String,
        /// The interfaces that there are.
        existing: Vec<String>,
    },
    /// The lookup tables could not be mapped into memory.
    #[error("cannot map the lookup tables into memory")]
    Mapping(#[source] io::Error),
}

impl DatapathError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotPermitted { .. } => {
                "run as root, or with the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
                    .into()
            }
            Self::PinDirectory { hint, .. } => hint.clone(),
            Self::InUse { .. } => {
                "stop it first, or give this one a `datapath.pin_directory` of its own".into()
            }
            Self::Pin { .. } => "check that /sys/fs/bpf is a BPF file system and writable".into(),
            Self::Load(_) | Self::Program(_) => {
                "a kernel of at least 5.17 with BTF is needed; the log has the kernel's words"
                    .into()
            }
            Self::Map { .. } => "raise the bound in `datapath.limits`, if the map is full".into(),
            Self::Busy { interface } => format!(
                "see `ip link show dev {interface}`; `loadbalancer detach` removes one of ours, \
                 `ip link set dev {interface} xdp off` another's"
            ),
            Self::Refused { mode: "native", .. } => {
                "retry with `--xdp-mode generic`, which works on every interface".into()
            }
            Self::Refused { .. } => "see the kernel's log for its reason".into(),
            Self::NoInterface { existing, .. } => format!("there are: {}", existing.join(", ")),
            Self::Mapping(_) => "lower `datapath.limits.lookup_slots`".into(),
        }
    }

    /// An error of loading, told apart by its cause.
    pub(crate) fn from_load(error: EbpfError) -> Self {
        match permission_denied(&error) {
            Some(source) => Self::NotPermitted { action: "loading BPF programs and maps", source },
            None => Self::Load(Box::new(error)),
        }
    }

    /// An error of the verifier or of loading one program.
    pub(crate) fn from_program(error: ProgramError) -> Self {
        match permission_denied(&error) {
            Some(source) => Self::NotPermitted { action: "loading a BPF program", source },
            None => Self::Program(Box::new(error)),
        }
    }
}

/// The operating system's error at the root of `error`, if there is one.
pub(super) fn os_error(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        cause = error.source();
    }
    None
}

fn permission_denied(error: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    let code = os_error(error)?;
    // EACCES is also the verifier's answer, which comes with its log.
    (code == libc::EPERM).then(|| io::Error::from_raw_os_error(code))
}
