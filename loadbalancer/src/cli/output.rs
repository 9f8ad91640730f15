//! The only place that prints.
//!
//! A [`View`] is shown as text for people or as JSON for programs: the same facts in both.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use super::{error::CliError, page::Page};

/// Something that a command prints.
pub(super) trait View: Serialize {
    /// As text; the JSON comes from [`Serialize`].
    fn show(&self, page: &mut Page);
}

/// What the text is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A file or a pipe: any width, text after text.
    None,
    /// The terminal at standard output, with the size that it has at that moment.
    Terminal,
    /// A terminal of this many columns and lines.
    Fixed {
        /// Columns.
        width: usize,
        /// Lines.
        height: usize,
    },
}

impl Screen {
    /// Columns and lines, where there is a screen.
    fn size(self) -> Option<(usize, usize)> {
        match self {
            Self::None => None,
            Self::Terminal => Some(match terminal_size::terminal_size() {
                Some((width, height)) => (width.0.into(), height.0.into()),
                None => (80, 24),
            }),
            Self::Fixed { width, height } => Some((width, height)),
        }
    }
}

/// Where a command's text goes, and in what form.
pub struct Output {
    out: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
    screen: Screen,
    colours: bool,
    json: bool,
    drawn: bool,
}

impl Output {
    /// Standard output and standard error; colours on a terminal, unless `NO_COLOR` is set.
    ///
    /// Source: <https://no-color.org>, a variable that is set and not empty.
    pub fn standard() -> Self {
        let terminal = io::stdout().is_terminal();
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        let screen = if terminal { Screen::Terminal } else { Screen::None };
        let colours = terminal && !no_color && !dumb;
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), screen, colours)
    }

    /// Any two writers.
    pub fn new(
        out: Box<dyn Write + Send>,
        errors: Box<dyn Write + Send>,
        screen: Screen,
        colours: bool,
    ) -> Self {
        Self { out, errors, screen, colours, json: false, drawn: false }
    }

    /// Applies the options of the command line.
    pub(super) fn configure(&mut self, json: bool, no_color: bool) {
        self.json = json;
        self.colours &= !no_color;
    }

    /// Prints a value: as text, or as one line of JSON.
    pub(super) fn print(&mut self, view: &impl View) -> Result<(), CliError> {
        let text = if self.json { json_line(view)? } else { self.page(view) };
        self.write(&text)
    }

    /// Prints a value again and again: in place on a terminal, else one text after the other.
    pub(super) fn redraw(&mut self, view: &impl View) -> Result<(), CliError> {
        match self.screen.size() {
            Some((_, height)) if !self.json => {
                let frame = frame(&self.page(view), height);
                let clear = if self.drawn { "" } else { "\x1b[2J" };
                self.drawn = true;
                self.write(&format!("{clear}{frame}"))
            }
            _ => {
                if self.drawn && !self.json {
                    self.write("\n")?;
                }
                self.drawn = true;
                self.print(view)
            }
        }
    }

    /// Prints text as it is, whatever form was asked for.
    pub(super) fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.write(text)
    }

    /// Prints help or version to standard output, a wrong command line to standard error.
    pub(super) fn usage(&mut self, error: &clap::Error) -> Result<(), CliError> {
        let rendered = error.render();
        if error.use_stderr() {
            self.complain(&rendered.to_string());
            return Ok(());
        }
        self.write(&if self.colours { rendered.ansi().to_string() } else { rendered.to_string() })
    }

    /// Prints what went wrong, why, and what to do, to standard error.
    pub(super) fn error(&mut self, error: &CliError) {
        let Some(failure) = error.failure() else { return };
        let mut text = format!("error: {}\n", indented(&failure.error));
        for cause in &failure.because {
            text.extend(["  because: ", &indented(cause), "\n"]);
        }
        if !failure.hint.is_empty() {
            text.extend(["  hint: ", &indented(&failure.hint), "\n"]);
        }
        self.complain(&text);
    }

    fn page(&self, view: &impl View) -> String {
        let mut page = Page::new(self.screen.size().map(|(width, _)| width), self.colours);
        view.show(&mut page);
        page.finish()
    }

    fn write(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// With standard error closed there is nobody left to tell.
    fn complain(&mut self, text: &str) {
        self.errors.write_all(text.as_bytes()).and_then(|()| self.errors.flush()).ok();
    }
}

fn json_line(view: &impl View) -> Result<String, CliError> {
    let text = serde_json::to_string(view).map_err(|error| CliError::failed(&error, ""))?;
    Ok(text + "\n")
}

/// Lines behind the first stand further in, so that the next label is seen.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// A page drawn over the one before: from the top left, each line and the rest below cleared.
///
/// It never scrolls: the last line of the terminal stays free.
fn frame(page: &str, height: usize) -> String {
    let room = height.saturating_sub(1).max(1);
    let count = page.lines().count();
    let shown = if count > room { room - 1 } else { count };
    let mut frame = "\x1b[H".to_owned();
    for line in page.lines().take(shown) {
        frame.extend([line, "\x1b[K\n"]);
    }
    if count > shown {
        frame.extend(["... ", &(count - shown).to_string(), " more lines\x1b[K\n"]);
    }
    frame + "\x1b[J"
}
