//! What is shown while the demo runs: a table that redraws itself, or lines where that is no use.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, Result};

use super::ledger::{BackendRow, Second};
use super::story::Event;
use crate::report::say;

/// Cells of a bar that stands for all requests.
const BAR_CELLS: f64 = 30.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Silent,
    Lines,
    Table { color: bool },
}

/// Standard output, as the demo uses it.
#[derive(Debug)]
pub(super) struct Screen {
    style: Style,
    /// Lines of the table that is on the terminal.
    drawn: usize,
}

impl Screen {
    /// A screen that shows nothing when `silent`.
    pub(super) fn new(silent: bool) -> Self {
        let style = match (silent, io::stdout().is_terminal()) {
            (true, _) => Style::Silent,
            (false, false) => Style::Lines,
            (false, true) => Style::Table { color: env::var_os("NO_COLOR").is_none() },
        };
        Self { style, drawn: 0 }
    }

    /// Says something beside the table.
    pub(super) fn note(&self, text: &str) -> Result<()> {
        if self.style == Style::Silent { Ok(()) } else { say(text) }
    }

    /// Tells an event where no table will.
    pub(super) fn event(&self, event: &Event) -> Result<()> {
        if self.style == Style::Lines { say(&event_line(event)) } else { Ok(()) }
    }

    /// Shows a second.
    pub(super) fn show(
        &mut self,
        second: &Second,
        length: Duration,
        events: &[Event],
    ) -> Result<()> {
        match self.style {
            Style::Silent => Ok(()),
            Style::Lines => say(&second_line(second)),
            Style::Table { color } => self.draw(&table(second, length, events, color)),
        }
    }

    /// Replaces what is drawn.
    fn draw(&mut self, lines: &[String]) -> Result<()> {
        let mut frame = String::new();
        if self.drawn > 0 {
            frame = format!("\x1b[{}A\x1b[J", self.drawn);
        }
        self.drawn = lines.len();
        for line in lines {
            frame.push_str(line);
            frame.push('\n');
        }
        let mut out = io::stdout();
        let written = out.write_all(frame.as_bytes()).and_then(|()| out.flush());
        written.context("cannot write to standard output")
    }
}

/// A second in one line, for logs.
fn second_line(second: &Second) -> String {
    let backends: Vec<String> = second.backends.iter().map(backend_in_line).collect();
    let Second { at, rate, failed, times, .. } = second;
    format!(
        "{:5.1} s  {}  all {rate:.0}/s  failed {failed}  p50 {:.1} ms  p99 {:.1} ms",
        at.as_secs_f64(),
        backends.join("  "),
        milliseconds(times.p50),
        milliseconds(times.p99),
    )
}

fn backend_in_line(backend: &BackendRow) -> String {
    let BackendRow { name, state, rate, .. } = backend;
    let state = if state == "healthy" { String::new() } else { format!(" ({state})") };
    format!("{name} {rate:.0}/s{state}")
}

/// A second as a table, no line wider than 78 cells, with all events below.
fn table(second: &Second, length: Duration, events: &[Event], color: bool) -> Vec<String> {
    let Second { at, backends, rate, failed_in_all, times, .. } = second;
    let sum: f64 = backends.iter().map(|backend| backend.rate).sum();
    let mut lines = vec![
        String::new(),
        format!("  {:.0} of {} s", at.as_secs_f64(), length.as_secs()),
        String::new(),
        "  backend  state       requests/s  connections".to_owned(),
    ];
    lines.extend(backends.iter().map(|backend| table_row(backend, sum, color)));
    lines.push(String::new());
    lines.push(format!(
        "  clients  {rate:.0} requests/s, p50 {:.1} ms, p99 {:.1} ms; \
         {failed_in_all} failed so far",
        milliseconds(times.p50),
        milliseconds(times.p99),
    ));
    lines.push(String::new());
    lines.extend(events.iter().map(event_line));
    lines
}

fn table_row(backend: &BackendRow, sum: f64, color: bool) -> String {
    let BackendRow { name, state, rate, connections } = backend;
    let code = if state == "healthy" { "32" } else { "31" };
    let state = format!("{state:<10}");
    let state = if color { format!("\x1b[{code}m{state}\x1b[0m") } else { state };
    let bar = bar(rate / sum.max(1.0));
    format!("  {name:<7}  {state}  {rate:>10.0}  {connections:>11}  {bar}")
}

/// A bar for a share between 0 and 1.
fn bar(share: f64) -> String {
    let cells = (share.clamp(0.0, 1.0) * BAR_CELLS).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of cells"
    )]
    "█".repeat(cells as usize)
}

fn event_line(event: &Event) -> String {
    format!("{:5.1} s  {}", event.at.as_secs_f64(), event.text)
}

/// A time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Times;
    use super::*;

    fn second() -> Second {
        let backend = |name: &str, state: &str, rate| BackendRow {
            name: name.to_owned(),
            state: state.to_owned(),
            rate,
            connections: 1_234,
        };
        Second {
            at: Duration::from_secs(7),
            backends: vec![backend("web-1", "healthy", 300.0), backend("web-2", "unhealthy", 0.0)],
            rate: 300.2,
            failed: 2,
            failed_in_all: 5,
            times: Times { p50: Duration::from_micros(640), p99: Duration::from_micros(2_100) },
        }
    }

    #[test]
    fn a_line_names_every_backend_and_the_states_that_are_not_healthy() {
        assert_eq!(
            second_line(&second()),
            "  7.0 s  web-1 300/s  web-2 0/s (unhealthy)  all 300/s  failed 2  p50 0.6 ms  \
             p99 2.1 ms"
        );
    }

    #[test]
    fn a_table_fits_a_terminal() {
        let events =
            [Event { at: Duration::from_secs(6), text: "web-2 is out after 0.9 s".to_owned() }];
        let lines = table(&second(), Duration::from_secs(20), &events, false);
        assert!(lines.iter().all(|line| line.chars().count() <= 78), "{lines:#?}");
        assert_eq!(lines.iter().filter(|line| line.contains("web-2")).count(), 2, "{lines:#?}");
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(0.5).chars().count(), 15);
        assert_eq!(bar(f64::NAN.max(0.0)), "");
    }
}
