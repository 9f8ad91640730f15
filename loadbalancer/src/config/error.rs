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
    /// An edit names something that is not there, or adds what is there already.
    #[error("{message}")]
    Edit {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: String,
    },
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::File { .. } => "check the path and its permissions",
            Self::Invalid { hint, .. } | Self::Edit { hint, .. } => hint,
        }
    }
}
