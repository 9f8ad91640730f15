//! Text for people, built up line by line.

use std::fmt::Display;

use super::table::Table;
use crate::stats::BackendState;

/// A colour, for what should catch the eye. The meaning never rests on the colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Green,
    Red,
    Yellow,
    Grey,
    Bold,
}

impl Colour {
    /// Of a backend's state.
    pub(super) fn of(state: BackendState) -> Self {
        match state {
            BackendState::Healthy => Self::Green,
            BackendState::Unhealthy => Self::Red,
            BackendState::Draining => Self::Yellow,
            BackendState::Disabled => Self::Grey,
        }
    }

    /// The escape sequence that switches it on.
    pub(super) fn start(self) -> &'static str {
        match self {
            Self::Green => "\x1b[32m",
            Self::Red => "\x1b[31m",
            Self::Yellow => "\x1b[33m",
            Self::Grey => "\x1b[90m",
            Self::Bold => "\x1b[1m",
        }
    }
}

/// The escape sequence that switches every colour off.
pub(super) const PLAIN: &str = "\x1b[0m";

/// What a view writes on.
pub(super) struct Page {
    text: String,
    width: Option<usize>,
    colours: bool,
}

impl Page {
    pub(super) fn new(width: Option<usize>, colours: bool) -> Self {
        Self { text: String::new(), width, colours }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn line(&mut self, text: impl Display) {
        self.text.extend([text.to_string().as_str(), "\n"]);
    }

    /// An empty line, unless the page begins here.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A table, so many columns further in.
    pub(super) fn table(&mut self, indent: usize, table: &Table) {
        let width = self.width.map(|width| width.saturating_sub(indent));
        let indent = " ".repeat(indent);
        for line in table.render(width, self.colours) {
            self.line(format_args!("{indent}{line}"));
        }
    }

    /// The text in a colour, where colours are wanted.
    pub(super) fn painted(&self, colour: Colour, text: &str) -> String {
        if self.colours {
            return format!("{}{text}{PLAIN}", colour.start());
        }
        text.to_owned()
    }
}
