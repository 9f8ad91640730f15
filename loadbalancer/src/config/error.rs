//! What can be wrong with a configuration.

use std::path::PathBuf;

/// A configuration that is refused, or an edit that cannot be made.
///
/// The message names the file, the line, what is wrong; [`ConfigError::hint`] says what would be
/// right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried: "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The text is not valid.
    #[error("{place}: {message}")]
    Invalid {
        /// File and line, as `FILE:LINE`, or what stands for them.
        place: String,
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// An edit names something that is not there.
    #[error("{message}")]
    Edit {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// An edit's result is not valid: a value is bad, or what is added is there already.
    #[error("{message}")]
    Unfit {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
    /// An edit cannot be written: someone else changed the file.
    #[error("{path} was changed since it was read")]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::File { .. } => "check the path and its permissions",
            Self::Changed { .. } => "apply it first with `loadbalancer reload`",
            Self::Invalid { hint, .. } | Self::Edit { hint, .. } | Self::Unfit { hint, .. } => hint,
        }
    }
}
