//! Commands that end: run, captured, and quoted in full when they fail.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// What a command that ran to its end left: exit code and both outputs.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output of a command that had to succeed.
    pub fn success(self) -> Result<String> {
        ensure!(self.code == Some(0), "{self}");
        Ok(self.stdout)
    }

    /// The exit code and standard error of a command that had to be refused.
    pub fn refusal(self) -> Result<(i32, String)> {
        match self.code {
            Some(code) if code != 0 => Ok((code, self.stderr)),
            Some(_) | None => bail!("expected a refusal, but {self}"),
        }
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        write!(out, "`{}` ended with {code}", self.line)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.trim().is_empty() {
                write!(out, "\n  {name}: {}", text.trim().replace('\n', "\n    "))?;
            }
        }
        Ok(())
    }
}

/// A command for a system program, also where a user's PATH lacks the places of those.
pub(crate) fn system(program: impl AsRef<OsStr>) -> Command {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    let mut command = Command::new(program);
    command.env("PATH", path);
    command
}

/// Runs `command` to its end and captures what it prints, whatever its exit code.
pub fn run(command: &mut Command) -> Result<Finished> {
    let line = line_of(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| not_started(&line))?;
    Ok(finished(line, &output))
}

/// Runs `command` with `input` on its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Result<Finished> {
    let line = line_of(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| not_started(&line))?;
    // Dropped at the end of the statement, which is the end of the input.
    let fed = child.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().with_context(|| format!("cannot wait for `{line}`"))?;
    let finished = finished(line, &output);
    fed.with_context(|| format!("{finished}, before it read its input"))?;
    Ok(finished)
}

/// What a spawn that failed is reported as.
pub(crate) fn not_started(line: &str) -> String {
    format!("cannot start `{line}`; `cargo xtask setup` installs what the labs need")
}

/// The command line as a person would type it, without quoting.
pub(crate) fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn finished(line: String, output: &Output) -> Finished {
    Finished {
        line,
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_quoted_with_its_output() {
        let failure = run(Command::new("sh").args(["-c", "echo told >&2; exit 3"])).unwrap();
        assert_eq!(
            failure.success().unwrap_err().to_string(),
            "`sh -c echo told >&2; exit 3` ended with 3\n  stderr: told"
        );
    }

    #[test]
    fn a_missing_program_names_the_remedy() {
        let failure = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(failure.to_string().contains("cargo xtask setup"), "{failure}");
    }

    #[test]
    fn input_reaches_the_command() {
        let echoed = run_with_input(&mut Command::new("cat"), "line\n").unwrap();
        assert_eq!(echoed.success().unwrap(), "line\n");
    }
}
