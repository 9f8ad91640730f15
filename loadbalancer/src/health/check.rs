//! What a kind of check is, how it can fail, and the list of kinds.

use std::{error::Error, io, net::SocketAddr, pin::Pin, time::Duration};

use super::{http::Http, tcp::Tcp};
use crate::config::CheckKind;

/// The answer to come.
pub(crate) type CheckFuture<'a> =
    Pin<Box<dyn Future<Output = Result<(), CheckFailure>> + Send + 'a>>;

/// One kind of check: asks one question. Interval, timeout and rise/fall are not its business.
pub(crate) trait Check: Send + Sync {
    /// Name in the configuration, the metrics and `health`.
    fn kind(&self) -> &'static str;
    /// Asks `target` once. Dropping the future must leave nothing behind.
    fn check(&self, target: SocketAddr) -> CheckFuture<'_>;
}

/// The check of a kind; `None` where nothing is asked. A new kind is a file, and a line here.
pub(crate) fn for_kind(kind: &CheckKind) -> Option<Box<dyn Check>> {
    match kind {
        CheckKind::None => None,
        CheckKind::Tcp => Some(Box::new(Tcp)),
        CheckKind::Http { path, host } => Some(Box::new(Http::new(path, host.as_deref()))),
    }
}

/// Why a check failed, in words for `health` and the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckFailure {
    /// No connection, or it broke.
    #[error("{}", in_short(.0))]
    Connection(#[source] io::Error),
    /// No answer in time.
    #[error("timed out after {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The backend hung up.
    #[error("connection closed without an answer")]
    Closed,
    /// The answer is not HTTP/1.
    #[error("answer is not HTTP/1.1")]
    NotHttp,
    /// The HTTP exchange failed in another way.
    #[error("HTTP exchange failed: {0}")]
    Http(#[source] hyper::Error),
    /// An HTTP status that does not count as healthy.
    #[error("HTTP status {0}")]
    Status(u16),
    /// This host could not ask, which says nothing of the backend.
    #[error("cannot ask: {0}")]
    Unasked(String),
}

impl CheckFailure {
    /// Whether it says something of the backend. The backend keeps its health otherwise: a host
    /// out of file descriptors must not take all its backends out.
    pub(crate) fn is_of_backend(&self) -> bool {
        !matches!(self, Self::Unasked(_))
    }
}

impl From<io::Error> for CheckFailure {
    fn from(error: io::Error) -> Self {
        let own = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS, libc::EADDRNOTAVAIL];
        match error.raw_os_error() {
            Some(code) if own.contains(&code) => Self::Unasked(error.to_string()),
            _ => Self::Connection(error),
        }
    }
}

impl From<hyper::Error> for CheckFailure {
    fn from(error: hyper::Error) -> Self {
        if error.is_parse() {
            return Self::NotHttp;
        }
        if error.is_incomplete_message() {
            return Self::Closed;
        }
        let broken = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        match broken.and_then(io::Error::raw_os_error) {
            Some(code) => io::Error::from_raw_os_error(code).into(),
            None => Self::Http(error),
        }
    }
}

/// "connection refused" rather than "Connection refused (os error 111)".
fn in_short(error: &io::Error) -> String {
    let known = [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkUnreachable,
        io::ErrorKind::NetworkDown,
        io::ErrorKind::TimedOut,
        io::ErrorKind::PermissionDenied,
    ];
    let kind = error.kind();
    if known.contains(&kind) { kind.to_string() } else { error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> CheckFailure {
        io::Error::from_raw_os_error(code).into()
    }

    #[test]
    fn failures_are_told_in_short() {
        assert_eq!(failure(libc::ECONNREFUSED).to_string(), "connection refused");
        assert_eq!(failure(libc::EHOSTUNREACH).to_string(), "host unreachable");
        let unasked = failure(libc::EMFILE).to_string();
        assert_eq!(unasked, "cannot ask: Too many open files (os error 24)");
        let late = CheckFailure::TimedOut(Duration::from_millis(500));
        assert_eq!(late.to_string(), "timed out after 500 ms");
        assert_eq!(CheckFailure::Status(503).to_string(), "HTTP status 503");
    }

    #[test]
    fn a_shortage_of_this_host_is_not_held_against_the_backend() {
        assert!(!failure(libc::EMFILE).is_of_backend());
        assert!(!failure(libc::EADDRNOTAVAIL).is_of_backend());
        assert!(failure(libc::ECONNREFUSED).is_of_backend());
        assert!(failure(libc::ENETUNREACH).is_of_backend());
    }

    #[test]
    fn every_kind_but_none_has_a_check_of_its_name() {
        assert!(for_kind(&CheckKind::None).is_none());
        assert_eq!(for_kind(&CheckKind::Tcp).unwrap().kind(), "tcp");
        let http = CheckKind::Http { path: "/".to_owned(), host: None };
        assert_eq!(for_kind(&http).unwrap().kind(), "http");
    }
}
