//! How many tests passed and failed, read from the result lines of the test programs.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command::line_of;
use crate::report::say;

/// Tests that ran, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Tally {
    pub(super) fn is_success(self) -> bool {
        self.failed == 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.passed + self.failed == 0
    }

    /// The counts of `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn of_line(line: &str) -> Option<Self> {
        // A test that prints without a newline leaves its text before the result.
        let (_, counts) = line.split_once("test result: ")?.1.split_once(". ")?;
        let mut tally = Self::default();
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => tally.passed = number.parse().ok()?,
                Some((number, "failed")) => tally.failed = number.parse().ok()?,
                Some((number, "ignored")) => tally.skipped = number.parse().ok()?,
                Some(_) | None => {}
            }
        }
        Some(tally)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(out, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Runs test programs, shows what they print, and counts their tests.
pub(super) fn run(command: &mut Command) -> Result<Tally> {
    let line = line_of(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for bytes in BufReader::new(stdout).split(b'\n') {
            let bytes = bytes.with_context(|| format!("cannot read what `{line}` prints"))?;
            let text = String::from_utf8_lossy(&bytes);
            say(&text)?;
            tally += Tally::of_line(&text).unwrap_or_default();
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
    if !status.success() && tally.is_success() {
        say(&format!("`{line}` failed without a failed test: {status}"))?;
        tally.failed += 1;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 \
                          filtered out; finished in 0.02s";

    #[test]
    fn a_result_line_is_counted() {
        let expected = Tally { passed: 12, failed: 3, skipped: 1 };
        assert_eq!(Tally::of_line(RESULT), Some(expected));
        assert_eq!(Tally::of_line(&format!("unfinished line{RESULT}")), Some(expected));
        assert_eq!(Tally::of_line("test parses_a_prefix ... ok"), None);
    }

    #[test]
    fn a_program_that_dies_before_its_result_counts_as_a_failure() {
        let tally = run(Command::new("sh").args(["-c", "echo test a ... ; kill -9 $$"])).unwrap();
        assert_eq!(tally, Tally { passed: 0, failed: 1, skipped: 0 });
    }

    #[test]
    fn skipped_tests_are_told_only_when_there_are_some() {
        let mut tally = Tally { passed: 2, failed: 0, skipped: 0 };
        assert_eq!(tally.to_string(), "2 passed, 0 failed");
        tally += Tally { passed: 0, failed: 1, skipped: 1 };
        assert_eq!(tally.to_string(), "2 passed, 1 failed, 1 skipped");
    }
}
