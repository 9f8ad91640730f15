//! HTTP clients, to run inside a client's namespace.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ureq::Agent;
use ureq::http::Response;

use crate::host::Host;
use crate::tally::Tally;

/// Longest wait for an answer, over a path on which an answer takes a millisecond.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// One answer of a lab's web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Backend, as its `X-Backend` header says.
    pub backend: String,
    /// The server's number of the connection.
    pub connection: String,
    /// The body.
    pub body: String,
}

/// A client that opens a new connection for each request.
#[derive(Clone, Debug)]
pub struct Client(Agent);

impl Client {
    /// A client that waits `limit` for an answer.
    pub fn with_limit(limit: Duration) -> Self {
        Self(agent(limit, 0))
    }

    /// Asks once, over a connection that ends with the answer.
    pub fn get(&self, url: &str) -> Result<Answer> {
        read(self.0.get(url).header("connection", "close").call()?)
    }
}

/// Asks once from `host`, over a connection of its own, and waits `limit` for the answer.
pub fn ask_once(host: &Host, url: &str, limit: Duration) -> Result<Answer> {
    host.namespace().enter(|| Client::with_limit(limit).get(url))?
}

impl Default for Client {
    fn default() -> Self {
        Self::with_limit(ANSWER_LIMIT)
    }
}

/// One connection that stays open from request to request.
#[derive(Debug)]
pub struct OpenConnection {
    agent: Agent,
    url: String,
    first: Answer,
}

impl OpenConnection {
    /// Connects with a first request.
    pub fn open(url: &str) -> Result<Self> {
        let agent = agent(ANSWER_LIMIT, 1);
        let first = read(agent.get(url).call()?)?;
        Ok(Self { agent, url: url.to_owned(), first })
    }

    /// The backend at the other end.
    pub fn backend(&self) -> &str {
        &self.first.backend
    }

    /// Asks once more; fails too when the answer came over another connection.
    pub fn ask(&self) -> Result<Answer> {
        let answer = read(self.agent.get(&self.url).call()?)?;
        let same =
            answer.backend == self.first.backend && answer.connection == self.first.connection;
        ensure!(same, "the connection was replaced: {:?}, then {answer:?}", self.first);
        Ok(answer)
    }
}

/// Opens `count` connections from `host`. They stay in its namespace, whoever uses them.
pub fn open_many(host: &Host, url: &str, count: usize) -> Result<Vec<OpenConnection>> {
    host.namespace().enter(|| (0..count).map(|_| OpenConnection::open(url)).collect())?
}

/// Sends `requests` requests over new connections from `threads` clients on `host`.
///
/// Each client sends the same number of them: `requests` is a multiple of `threads`.
pub fn ask_many(host: &Host, url: &str, threads: u64, requests: u64) -> Result<Tally> {
    ensure!(requests.is_multiple_of(threads), "{requests} are no multiple of {threads}");
    let share = requests / threads;
    host.namespace().enter(|| {
        thread::scope(|scope| {
            let clients: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| ask_in_turn(url, share))).collect();
            let mut all = Tally::default();
            for client in clients {
                all.merge(client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            all
        })
    })
}

fn ask_in_turn(url: &str, requests: u64) -> Tally {
    let client = Client::default();
    let mut tally = Tally::default();
    for _ in 0..requests {
        let outcome = client.get(url).and_then(|answer| {
            let Answer { backend, body, .. } = answer;
            ensure!(body.trim_end() == backend, "{backend} answered {body:?}");
            Ok(backend)
        });
        tally.add(outcome.map_err(|failure| format!("{failure:#}")));
    }
    tally
}

fn agent(limit: Duration, idle_connections: usize) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(limit))
        .max_idle_connections(idle_connections)
        .max_idle_age(Duration::from_secs(600))
        // The lab's network ends at its switch, whatever the environment says.
        .proxy(None)
        .build()
        .into()
}

fn read(mut response: Response<ureq::Body>) -> Result<Answer> {
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(ToOwned::to_owned).with_context(|| format!("the answer has no header {name}"))
    };
    let (backend, connection) = (header("x-backend")?, header("x-connection")?);
    let body = response.body_mut().read_to_string().context("the body ended early")?;
    Ok(Answer { backend, connection, body })
}
