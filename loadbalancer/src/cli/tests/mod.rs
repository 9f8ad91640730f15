//! Whole command lines against a fake daemon, with what they print.

mod changes;
mod decap;
mod errors;
mod json;
mod tables;
mod watch;

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use super::{ExitStatus, Output, Screen, dispatch};
use crate::api::fake::FakeDaemon;

/// A writer that keeps what was written, and closes after so many writes.
#[derive(Clone)]
struct Captured {
    text: Arc<Mutex<String>>,
    room: Arc<Mutex<usize>>,
}

impl Captured {
    fn new(writes: usize) -> Self {
        Self { text: Arc::default(), room: Arc::new(Mutex::new(writes)) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.lock().unwrap();
        if *room == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        *room -= 1;
        self.text.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a command ended, and what it printed.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    out: String,
    errors: String,
}

/// How commands are shown in a test.
#[derive(Clone, Copy)]
struct Shown {
    screen: Screen,
    colours: bool,
    writes: usize,
}

const PIPE: Shown = Shown { screen: Screen::None, colours: false, writes: usize::MAX };

async fn run_on(socket: &Path, shown: Shown, command: &str) -> Ended {
    let (out, errors) = (Captured::new(shown.writes), Captured::new(usize::MAX));
    let mut output =
        Output::new(Box::new(out.clone()), Box::new(errors.clone()), shown.screen, shown.colours);
    let socket = socket.to_str().unwrap();
    let arguments = ["loadbalancer", "--socket", socket].into_iter().chain(command.split(' '));
    let status = dispatch(arguments, &mut output).await;
    Ended { status, out: out.text(), errors: errors.text() }
}

/// A command against a daemon of its own, its output in a pipe.
async fn run(command: &str) -> Ended {
    let daemon = FakeDaemon::start();
    run_on(&daemon.socket(), PIPE, command).await
}

/// The output of a command that succeeds, on a terminal of that width.
async fn printed(command: &str, width: usize) -> String {
    let daemon = FakeDaemon::start();
    let shown = Shown { screen: Screen::Fixed { width, height: 50 }, ..PIPE };
    let ended = run_on(&daemon.socket(), shown, command).await;
    assert_eq!((ended.status, ended.errors.as_str()), (ExitStatus::Done, ""), "{command}");
    ended.out
}
