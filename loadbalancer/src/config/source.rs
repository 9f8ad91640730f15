//! Where in a text something stands.

use std::{ops::Range, path::Path};

use super::ConfigError;

/// A text and what to call it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// Name of the file, or what stands for it.
    pub(super) origin: &'a Path,
    /// The whole text.
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The line of a place, from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1
    }

    /// A refusal of what stands there.
    pub(super) fn invalid(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Invalid {
            place: format!("{}:{}", self.origin.display(), self.line(span)),
            message: message.into(),
            hint: hint.into(),
        }
    }
}
