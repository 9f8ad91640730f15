//! What a service with `quic = true` knows of its servers' connection ids.

use std::fmt;

use loadbalancer_common::quic::KEY_LENGTH;

/// `quic = true` with `[[service.quic_lb]]`: how servers write their ids into connection ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuicConfig {
    /// The configurations, each with a config rotation of its own. None while neither they nor a
    /// backend say how long server ids are.
    pub configs: Vec<QuicLb>,
}

/// `[[service.quic_lb]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuicLb {
    /// First three bits of the connection ids, 0 to 6. Default 0.
    pub config_rotation: u8,
    /// Bytes of a server id, 1 to 15. Default: as many as the backends' have.
    pub server_id_length: u8,
    /// Bytes of the nonce behind it, from 4 to what leaves the connection id 20 bytes. Default 4.
    pub nonce_length: u8,
    /// What both are encrypted with; `None` for in the open.
    pub key: Option<QuicKey>,
}

/// Says all but the key.
impl fmt::Display for QuicLb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config_rotation, server_id_length, nonce_length, key } = self;
        let how = if key.is_some() { "encrypted" } else { "in the open" };
        write!(
            formatter,
            "config rotation {config_rotation}, server id {server_id_length} and nonce \
             {nonce_length} bytes, {how}"
        )
    }
}

/// A key of AES-128. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct QuicKey([u8; KEY_LENGTH]);

impl QuicKey {
    /// The key with these bytes.
    pub const fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }
}

impl fmt::Debug for QuicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("QuicKey(hidden)")
    }
}

/// Bytes in hexadecimal, as the configuration has them.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16);
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit).collect()
}

/// The bytes that are written so, if they are.
pub(super) fn from_hex(written: &str) -> Option<Vec<u8>> {
    let (pairs, []) = written.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    pairs.iter().map(byte).collect()
}
