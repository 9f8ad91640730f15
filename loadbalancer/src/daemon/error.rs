//! Why the daemon did not start.

use std::io;

use crate::{
    api::ServeError, config::ConfigError, datapath::DatapathError, engine::EngineError,
    network::NetworkError,
};

/// Why the daemon did not start. What was pinned before goes on as it was.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No interface is named.
    #[error("there is no interface to attach to")]
    NoInterface,
    /// A socket cannot be opened.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The kernel refused the data plane.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    /// The kernel's network cannot be asked.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The configuration does not fit in the maps.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Config(error) => error.hint().to_owned(),
            Self::NoInterface => {
                "name one with `--interface IF`, or in `datapath.interfaces` of the file".into()
            }
            Self::Serve(error) => error.hint().to_owned(),
            Self::Datapath(error) => error.hint(),
            Self::Network(error) => error.hint().to_owned(),
            Self::Engine(error) => error.hint(),
            Self::Signals(_) => "see whether the process may open more files".into(),
        }
    }
}
