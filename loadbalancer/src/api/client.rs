//! The other end of the socket: what commands use to ask the daemon.
//!
//! One connection a request. An error tells whether a daemon answered at all, for scripts have to
//! know a daemon that is down from one that said no.

use std::{
    error::Error,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use super::{Changes, Failure, FirewallView, ServiceList, ServiceView};
use crate::{
    config::{BackendSettings, NewBackend, NewRule, NewService},
    stats::{HealthReport, Stats, Status},
};

/// Longest wait for a whole answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request without an answer, or with one that says no.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket, or it may not be opened.
    #[error("no daemon answers at {}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What connecting to it said.
        source: io::Error,
    },
    /// The connection was accepted, and then nothing came for too long.
    #[error("the daemon at {} did not answer within {} s", socket.display(), PATIENCE.as_secs())]
    Silent {
        /// The socket.
        socket: PathBuf,
    },
    /// The connection broke before the answer was complete.
    #[error("the daemon at {} closed the connection without an answer", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// How it broke.
        source: hyper::Error,
    },
    /// The daemon said no.
    #[error("{}", .0.error)]
    Refused(Failure),
    /// The answer is not what this version of the command understands.
    #[error("cannot read the daemon's answer")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

impl ClientError {
    /// Whether a daemon was there to answer.
    pub fn daemon_answered(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Broken { .. } => false,
            Self::Refused(_) | Self::Unreadable(_) => true,
        }
    }

    /// Message, causes and hint, as the daemon or this client words them.
    pub fn failure(&self) -> Failure {
        let hint = match self {
            Self::Refused(failure) => return failure.clone(),
            Self::Unreachable { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                "run the command as root, or as a member of the socket's group"
            }
            Self::Unreachable { .. } => {
                "start it with `loadbalancer run`, or name its socket with `--socket`"
            }
            Self::Silent { .. } | Self::Broken { .. } => "see the daemon's log",
            Self::Unreadable(_) => "see whether command and daemon are the same version",
        };
        Failure::new(self, hint)
    }
}

/// Asks the daemon behind one socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client for the daemon behind `socket`; connects with each request.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Sends a request and reads the whole answer.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes, ClientError> {
        let Ok(answer) = timeout(PATIENCE, self.ask(method, path, body)).await else {
            return Err(ClientError::Silent { socket: self.socket.clone() });
        };
        let (status, bytes) = answer?;
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice(&bytes) {
            Ok(failure) => Err(ClientError::Refused(failure)),
            Err(_) => Err(ClientError::Unreadable(format!("HTTP status {status}").into())),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let unreachable = |source| ClientError::Unreachable { socket: self.socket.clone(), source };
        let broken = |source| ClientError::Broken { socket: self.socket.clone(), source };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| ClientError::Unreadable(error.into()))?;
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Both ends of the exchange report the same error; the request's is the one to show.
        let driver = tokio::spawn(async move { connection.await.ok() });
        let answer = async {
            let answer = sender.send_request(request).await.map_err(broken)?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(broken)?;
            Ok((status, body.to_bytes()))
        };
        let answer = answer.await;
        driver.abort();
        answer
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        read(&self.exchange(Method::GET, path, None).await?)
    }

    async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Changes, ClientError> {
        let unreadable = |error: serde_json::Error| ClientError::Unreadable(error.into());
        let body = body.map(serde_json::to_vec).transpose().map_err(unreadable)?;
        read(&self.exchange(method, path, body).await?)
    }
}

const NO_BODY: Option<&()> = None;

/// One method for each route; each fails when no daemon answers or the daemon says no.
#[expect(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
impl Client {
    /// What runs.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// Counters and rates, of one service or of all.
    pub async fn stats(&self, service: Option<&str>, per_cpu: bool) -> Result<Stats, ClientError> {
        let mut path = format!("/v1/stats?per_cpu={per_cpu}");
        if let Some(service) = service {
            path = format!("{path}&service={}", encoded(service));
        }
        self.get(&path).await
    }

    /// The state of the backends of one service or of all.
    pub async fn health(&self, service: Option<&str>) -> Result<HealthReport, ClientError> {
        match service {
            Some(service) => self.get(&format!("/v1/health?service={}", encoded(service))).await,
            None => self.get("/v1/health").await,
        }
    }

    /// The text of the running configuration.
    pub async fn config(&self) -> Result<String, ClientError> {
        let bytes = self.exchange(Method::GET, "/v1/config", None).await?;
        String::from_utf8(bytes.into()).map_err(|error| ClientError::Unreadable(error.into()))
    }

    /// Applies the configuration file anew.
    pub async fn reload(&self) -> Result<Changes, ClientError> {
        self.change(Method::POST, "/v1/reload", NO_BODY).await
    }

    /// All services.
    pub async fn services(&self) -> Result<ServiceList, ClientError> {
        self.get("/v1/services").await
    }

    /// One service.
    pub async fn service(&self, service: &str) -> Result<ServiceView, ClientError> {
        self.get(&service_path(service)).await
    }

    /// Adds a service.
    pub async fn add_service(&self, service: &NewService) -> Result<Changes, ClientError> {
        self.change(Method::POST, "/v1/services", Some(service)).await
    }

    /// Removes a service and its backends.
    pub async fn remove_service(&self, service: &str) -> Result<Changes, ClientError> {
        self.change(Method::DELETE, &service_path(service), NO_BODY).await
    }

    /// Adds a backend to a service.
    pub async fn add_backend(
        &self,
        service: &str,
        backend: &NewBackend,
    ) -> Result<Changes, ClientError> {
        let path = format!("{}/backends", service_path(service));
        self.change(Method::POST, &path, Some(backend)).await
    }

    /// Changes a backend's settings.
    pub async fn set_backend(
        &self,
        service: &str,
        backend: &str,
        settings: &BackendSettings,
    ) -> Result<Changes, ClientError> {
        self.change(Method::PATCH, &backend_path(service, backend), Some(settings)).await
    }

    /// Removes a backend from a service.
    pub async fn remove_backend(
        &self,
        service: &str,
        backend: &str,
    ) -> Result<Changes, ClientError> {
        self.change(Method::DELETE, &backend_path(service, backend), NO_BODY).await
    }

    /// The firewall's rules.
    pub async fn firewall(&self) -> Result<FirewallView, ClientError> {
        self.get("/v1/firewall/rules").await
    }

    /// Adds a firewall rule behind the others.
    pub async fn add_rule(&self, rule: &NewRule) -> Result<Changes, ClientError> {
        self.change(Method::POST, "/v1/firewall/rules", Some(rule)).await
    }

    /// Removes a firewall rule.
    pub async fn remove_rule(&self, rule: &str) -> Result<Changes, ClientError> {
        let path = format!("/v1/firewall/rules/{}", encoded(rule));
        self.change(Method::DELETE, &path, NO_BODY).await
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|error| ClientError::Unreadable(error.into()))
}

fn service_path(service: &str) -> String {
    format!("/v1/services/{}", encoded(service))
}

fn backend_path(service: &str, backend: &str) -> String {
    format!("{}/backends/{}", service_path(service), encoded(backend))
}

/// A name as a segment of a path: all but letters, digits and `-._~` percent-encoded.
///
/// Source: RFC 3986, sections 2.1 and 2.3.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(byte.into());
            }
            _ => {
                // A `String` takes every write.
                write!(text, "%{byte:02X}").ok();
            }
        }
    }
    text
}
