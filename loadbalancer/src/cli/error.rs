//! What ends a command early.

use std::{error::Error, io};

use crate::api::{ClientError, Failure};

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The daemon said no, or nothing.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something that needs no daemon failed.
    #[error("{}", .0.error)]
    Failed(Failure),
    /// Whoever read the output has closed it.
    #[error("the output was closed")]
    OutputClosed,
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

impl CliError {
    /// An error with its sources, and what to do about it; an empty hint is not shown.
    pub fn failed(error: &dyn Error, hint: &str) -> Self {
        Self::Failed(Failure::new(error, hint))
    }

    /// Message, causes and hint; nothing when there is nobody to tell.
    pub(super) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Client(error) => Some(error.failure()),
            Self::Failed(failure) => Some(failure.clone()),
            Self::OutputClosed => None,
            Self::Output(_) => Some(Failure::new(self, "see whether its disk is full")),
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::Output(error)
    }
}
