//! The clients: threads in the client's namespace that ask over new connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use loadbalancer_tests::Host;
use loadbalancer_tests::http::Client;

/// Clients that ask at the same time.
const CLIENTS: u32 = 4;

/// Time between two requests of a client, so that the demo leaves the machine its air: the
/// response times are the load balancer's and not a queue's.
const PACE: Duration = Duration::from_millis(6);

/// Longest wait of a client for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// One request and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// When it began, since the clients' start.
    pub(super) at: Duration,
    /// How long it took.
    pub(super) took: Duration,
    /// The backend that answered, or why none did.
    pub(super) outcome: Result<String, String>,
}

/// Clients that ask until they are stopped or dropped.
#[derive(Debug)]
pub(super) struct Traffic {
    start: Instant,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    finished: Receiver<Request>,
}

impl Traffic {
    /// Starts the clients on `host`.
    pub(super) fn start(host: &Host, url: &str) -> Result<Self> {
        let (start, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let (sender, finished) = channel();
        // Threads belong to the namespace of the thread that starts them.
        let clients = host.namespace().enter(|| {
            let client = |number| {
                let (url, stop, sender) = (url.to_owned(), Arc::clone(&stop), sender.clone());
                thread::spawn(move || ask(&url, start, PACE * number / CLIENTS, &stop, &sender))
            };
            (0..CLIENTS).map(client).collect()
        })?;
        Ok(Self { start, stop, clients, finished })
    }

    /// Time since the clients' start.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Requests that have ended since the last call.
    pub(super) fn finished(&self) -> impl Iterator<Item = Request> {
        self.finished.try_iter()
    }

    /// Stops the clients and waits for the requests that are under way.
    pub(super) fn stop(mut self) -> Vec<Request> {
        self.end();
        self.finished.try_iter().collect()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            if let Err(panic) = client.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A client that panicked has said so.
            client.join().ok();
        }
    }
}

/// Asks at the client's pace, each time over a new connection.
fn ask(url: &str, start: Instant, first: Duration, stop: &AtomicBool, sender: &Sender<Request>) {
    let client = Client::with_limit(ANSWER_LIMIT);
    let mut due = first;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_sub(start.elapsed()));
        let at = start.elapsed();
        let outcome = client.get(url).map(|answer| answer.backend);
        let outcome = outcome.map_err(|failure| format!("{failure:#}"));
        let request = Request { at, took: start.elapsed().saturating_sub(at), outcome };
        if sender.send(request).is_err() {
            return;
        }
        // What a slow answer delayed is not caught up on.
        due = (due + PACE).max(start.elapsed());
    }
}
