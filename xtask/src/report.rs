//! What a person reads: lines on standard output, and one error on standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};

/// Prints a line.
pub(crate) fn say(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to standard output")
}

/// Prints what went wrong, with its causes, and gives the exit status for it.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str("  because: ");
        text.push_str(&cause.to_string());
        text.push('\n');
    }
    match io::stderr().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::FAILURE,
        // Nobody reads standard error: a status of its own is all that is left to say so.
        Err(_) => ExitCode::from(2),
    }
}
