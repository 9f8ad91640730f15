//! QUIC connections that change their address: which server does a packet's connection id name?
//!
//! A server that takes part puts its server id into the connection ids that it issues, in the open
//! or encrypted. The balancer reads it from each packet, so it needs no memory of connections, and
//! finds the server when a client comes from another address. A packet whose id names no server is
//! "unroutable" and goes the way of every other packet.
//!
//! [`header`] finds the connection id in a datagram, [`lb`] the server id in the connection id, with
//! the block cipher of [`aes`]. All of it is pure; the kernel program and the host run the same code.
//!
//! Source: draft-ietf-quic-load-balancers-21, "QUIC-LB: Generating Routable QUIC Connection IDs";
//! RFC 8999, the properties of QUIC that hold for every version.

pub mod aes;
#[cfg(any(test, feature = "user"))]
mod encode;
pub mod header;
pub mod lb;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "user"))]
pub use encode::encode;
pub use header::ConnectionId;
pub use lb::{Halves, QuicConfigKey, QuicLbConfig, QuicServerKey, ServerId};

/// Config rotation that says "this id names no server" (section 3.2 of the draft). The others, 0 to
/// 6, each name a configuration.
pub const UNROUTABLE: u8 = 0b111;

/// Longest connection id of QUIC versions 1 and 2 (RFC 9000, section 17.2).
pub const LONGEST_CONNECTION_ID: u8 = 20;

/// Longest server id that a service can use: a server id and its nonce fill at most 19 bytes, and
/// the nonce takes 4 of them.
pub const LONGEST_SERVER_ID: u8 = LONGEST_CONNECTION_ID - 1 - SHORTEST_NONCE;

/// Shortest nonce (section 5.3 of the draft).
pub const SHORTEST_NONCE: u8 = 4;

/// Length of a key: AES-128.
pub const KEY_LENGTH: usize = 16;
