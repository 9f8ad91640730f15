//! The server programs that a lab's backends can run.

/// A kind of server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// nginx over plain HTTP; runs on every backend, for health checks ask it.
    Web,
    /// The same nginx over TLS too, with the lab's certificate.
    SecureWeb,
    /// dnsmasq.
    Dns,
    /// PostgreSQL, with a database of its own on each backend.
    Postgres,
    /// iperf3.
    Iperf,
}
