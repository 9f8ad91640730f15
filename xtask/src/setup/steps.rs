//! The state of one run of the set-up: how much it says, and what it knows of apt.

use anyhow::Result;

use super::apt::Apt;
use crate::report::say;

/// One run of the set-up.
#[derive(Debug)]
pub(super) struct Steps {
    /// Whether what is already there is worth a line.
    tells_found: bool,
    pub(super) apt: Apt,
}

impl Steps {
    /// A run that a person asked for.
    pub(super) fn spoken() -> Self {
        Self { tells_found: true, apt: Apt::default() }
    }

    /// A run on the way to something else.
    pub(super) fn quiet() -> Self {
        Self { tells_found: false, apt: Apt::default() }
    }

    /// `what` was there already.
    pub(super) fn found(&self, what: &str, detail: &str) -> Result<()> {
        if self.tells_found { say(&format!("{what}: found, {detail}")) } else { Ok(()) }
    }

    /// `what` is being changed; said before it is done, for it may take minutes.
    #[expect(clippy::unused_self, reason = "the steps tell everything through their run")]
    pub(super) fn doing(&self, what: &str, action: &str) -> Result<()> {
        say(&format!("{what}: {action}"))
    }
}
