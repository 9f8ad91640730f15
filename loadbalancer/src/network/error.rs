//! What can go wrong between this host's network and us.

use std::{io, path::PathBuf};

/// A question to the kernel, or a setting of it, that failed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// No rtnetlink socket.
    #[error("cannot open an rtnetlink socket")]
    Open {
        /// Why not.
        source: io::Error,
    },
    /// The kernel refused an answer.
    #[error("cannot read {what} from the kernel")]
    Query {
        /// What was asked for, such as "routes".
        what: &'static str,
        /// Why not.
        source: rtnetlink::Error,
    },
    /// The kernel did not answer.
    #[error("the kernel did not answer over rtnetlink")]
    Silent,
    /// No interface of that name.
    #[error("there is no interface {name}; there are: {existing}")]
    NoInterface {
        /// What was looked for.
        name: String,
        /// Names of those that exist.
        existing: String,
    },
    /// An interface that is not Ethernet.
    #[error("interface {name} is not Ethernet")]
    NotEthernet {
        /// Its name.
        name: String,
    },
    /// A setting under `/proc/sys` cannot be read or written.
    #[error("cannot {action} {path}")]
    Setting {
        /// "read" or "write".
        action: &'static str,
        /// The setting.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The setting holds something that is not a list of ports.
    #[error("{path} holds {text:?}, which is not a list of ports")]
    NotPorts {
        /// The setting.
        path: PathBuf,
        /// What it holds.
        text: String,
    },
}

impl NetworkError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open { .. } => "check that the service may open AF_NETLINK sockets",
            Self::Query { .. } | Self::Silent => "retry; the kernel's log may tell more",
            Self::NoInterface { .. } => "name one of them in `datapath.interfaces`",
            Self::NotEthernet { .. } => "attach to an Ethernet interface",
            Self::Setting { .. } => "run as root, with /proc/sys writable",
            Self::NotPorts { .. } => "check the setting; it looks like `8080,40000-59999`",
        }
    }
}
