//! What can go wrong, with remedies in the words of `decap`, which has no configuration file.

use std::{io, path::PathBuf};

use crate::{datapath::DatapathError, network::NetworkError};

/// Why packets are not decapsulated, or not counted.
#[derive(Debug, thiserror::Error)]
pub enum DecapError {
    /// The kernel refused programs or maps.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// The kernel's network cannot be asked.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Nothing is pinned there.
    #[error("no decapsulation is set up in {path}")]
    NotSetUp {
        /// The pin directory.
        path: PathBuf,
    },
}

impl DecapError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Datapath(error) => of_datapath(error),
            Self::Network(NetworkError::NoInterface { .. }) => {
                "name one of them with `--interface`".into()
            }
            Self::Network(error) => error.hint().to_owned(),
            Self::Signals(_) => "see whether the process may open more files".into(),
            Self::NotSetUp { .. } => {
                "start it with `loadbalancer decap --interface IF --allow PREFIX`, or name its \
                 directory with `--pin-directory`"
                    .into()
            }
        }
    }
}

fn of_datapath(error: &DatapathError) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other hints hold here too")]
    match error {
        DatapathError::InUse { .. } => {
            "stop it first, or give this one a directory of its own with `--pin-directory`".into()
        }
        DatapathError::PinDirectory { reason, .. } if reason.contains("not on a BPF") => {
            error.hint()
        }
        DatapathError::PinDirectory { .. } => {
            "check `--pin-directory`, and that /sys/fs/bpf is mounted".into()
        }
        DatapathError::Load(_) | DatapathError::Program(_) => {
            "a kernel of at least 5.18 with BTF is needed; the lines above are the kernel's".into()
        }
        DatapathError::Map { .. } => {
            "at most 4096 prefixes and 4096 own addresses of each family fit; see whether this \
             process may use BPF"
                .into()
        }
        DatapathError::Busy { interface } => format!(
            "see `ip link show dev {interface}`; `loadbalancer decap detach` and `loadbalancer \
             detach` remove ours, `ip link set dev {interface} xdp off` another's"
        ),
        other => other.hint(),
    }
}
