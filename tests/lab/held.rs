//! Ten thousand connections are held while the service changes around them, and none breaks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{BackendEntry, Config, Family, Forward, Lab, Service, http, stats};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::modes::in_every_mode;

/// Connections that stay open.
const HELD: usize = 10_000;

/// Changes of the service meanwhile.
const CHANGES: usize = 100;

/// Backends of the service when the connections are opened.
const AT_FIRST: u8 = 3;

/// Backends that there are in the end.
const IN_ALL: u8 = 6;

/// Clients at the same time, each with its share of the connections.
const THREADS: usize = 4;

/// Files that this process may have open, which other labs run in too, and each server.
const FILES: u64 = 15_000;

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);

// One test for all modes: together they would need more open files than many hosts allow.
#[test]
fn no_held_connection_breaks_in_a_hundred_changes() -> Result<()> {
    in_every_mode(nothing_breaks)
}

fn nothing_breaks(forward: Forward) -> Result<()> {
    // Inherited by the servers.
    allow_open_files()?;
    let all = Service::web(Family::V4, forward, IN_ALL);
    let service = Service::web(Family::V4, forward, AT_FIRST);
    let (vip, url) = (service.address, service.url());
    let lab = Lab::with(Config::new([service])).backends(IN_ALL).start()?;
    let namespace = lab.client(1)?.namespace();
    let mut held = namespace.enter(|| hold(vip))??;
    let before = connections(&lab)?;
    assert_eq!(before, HELD as u64, "connections that `stats` counted");

    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| keep_asking(&mut held, &stop));
        let changed = change(&lab, &all.backends);
        stop.store(true, Ordering::Relaxed);
        let asked = asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        ensure!(asked > 0, "no connection was asked during the changes");
        changed
    })?;
    each(&mut held, Held::ask).context("after the changes")?;
    assert_eq!(connections(&lab)?, before, "new connections were counted");
    let tally = http::ask_many(lab.client(1)?, &url, 2, 300)?;
    crate::expect::all_answered(&tally, 300)
}

/// One connection, and the backend that it is with.
struct Held {
    stream: TcpStream,
    backend: String,
}

impl Held {
    fn open(vip: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&vip, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        let mut held = Self { stream, backend: String::new() };
        held.backend = held.answer()?;
        Ok(held)
    }

    /// Asks who is at the other end, which must be who it was.
    fn ask(&mut self) -> Result<()> {
        let answer = self.answer()?;
        ensure!(answer == self.backend, "{} was answered by {answer}", self.backend);
        Ok(())
    }

    fn answer(&mut self) -> Result<String> {
        self.stream.write_all(b"GET / HTTP/1.1\r\nHost: lab.test\r\n\r\n")?;
        let (mut text, mut part) = (String::new(), [0; 1024]);
        loop {
            let length = self.stream.read(&mut part)?;
            ensure!(length > 0, "the connection was closed after {text:?}");
            text.push_str(&String::from_utf8_lossy(part.get(..length).unwrap_or_default()));
            // The body is one line.
            let body = text.split_once("\r\n\r\n").and_then(|(_, body)| body.strip_suffix('\n'));
            if let Some(body) = body {
                return Ok(body.to_owned());
            }
        }
    }
}

fn hold(vip: SocketAddr) -> Result<Vec<Held>> {
    let share = HELD / THREADS;
    thread::scope(|scope| {
        let open = || (0..share).map(|_| Held::open(vip)).collect::<Result<Vec<_>>>();
        let clients: Vec<_> = (0..THREADS).map(|_| scope.spawn(open)).collect();
        let mut held = Vec::with_capacity(HELD);
        for client in clients {
            held.extend(client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(held)
    })
}

/// Does something with each connection; a failure says which it was.
fn each(held: &mut [Held], mut act: impl FnMut(&mut Held) -> Result<()>) -> Result<()> {
    for (number, connection) in held.iter_mut().enumerate() {
        let backend = connection.backend.clone();
        act(connection).with_context(|| format!("connection {number}, with {backend}"))?;
    }
    Ok(())
}

/// Asks on one connection after the other until told to stop; returns how often.
fn keep_asking(held: &mut [Held], stop: &AtomicBool) -> Result<usize> {
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        for connection in held.iter_mut() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            connection.ask().with_context(|| format!("with {}", connection.backend))?;
            asked += 1;
        }
    }
    Ok(asked)
}

/// Makes changes that a test like this repeats exactly: weights, drains, returns, new backends.
fn change(lab: &Lab, all: &[BackendEntry]) -> Result<()> {
    let mut random = Random(0x5eed);
    let mut known = usize::from(AT_FIRST);
    for number in 0..CHANGES {
        let chosen = random.below(known);
        let name = all.get(chosen).context("no such backend")?.name.as_str();
        let weight = random.below(1000).to_string();
        let command = match random.below(4) {
            0 if known < all.len() => {
                let new = all.get(known).context("no such backend")?;
                known += 1;
                let address = new.address.to_string();
                let add = ["backend", "add", "web", &address, "--name", &new.name];
                lab.cli(add)?.success().with_context(|| format!("change {number}"))?;
                continue;
            }
            1 => vec!["backend", "drain", "web", name],
            2 => vec!["backend", "enable", "web", name],
            _ => vec!["backend", "set", "web", name, "--weight", &weight],
        };
        lab.cli(command)?.success().with_context(|| format!("change {number}"))?;
    }
    // Whatever the last changes were, new connections have somewhere to go.
    lab.cli(["backend", "enable", "web", "web-1"])?.success()?;
    lab.cli(["backend", "set", "web", "web-1", "--weight", "100"])?.success()?;
    ensure!(known == all.len(), "only {known} backends were added");
    Ok(())
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.0 % bound).unwrap_or_default()
    }
}

fn connections(lab: &Lab) -> Result<u64> {
    stats::counter(stats::service(&lab.stats()?, "web")?, "connections")
}

/// Lets this process, and those that it starts, hold all connections.
fn allow_open_files() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(hard >= FILES, "{hard} open files are allowed here, and the lab needs {FILES}");
    if soft < FILES {
        setrlimit(Resource::RLIMIT_NOFILE, FILES, hard)?;
    }
    Ok(())
}
