//! `quic`, `[[service.quic_lb]]` and the backends' `server_id`

use std::{collections::HashMap, ops::Range};

use loadbalancer_common::quic::{
    KEY_LENGTH, LONGEST_CONNECTION_ID, LONGEST_SERVER_ID, SHORTEST_NONCE, UNROUTABLE,
};
use toml::Spanned;

use super::value::integer;
use crate::config::{
    ConfigError, Protocol, QuicConfig, QuicKey, QuicLb, ServiceConfig,
    quic::{from_hex, hex},
    raw::{RawQuicLb, RawService, Text},
    source::Source,
};

/// Adds what a service says about connection ids of QUIC to it and to its backends.
pub(super) fn quic(
    source: &Source<'_>,
    raw: &RawService,
    service: &mut ServiceConfig,
) -> Result<(), ConfigError> {
    let Some(place) = raw.quic.as_ref().filter(|quic| *quic.get_ref()) else {
        return refuse_without(source, raw, service);
    };
    if service.protocol != Protocol::Udp {
        return Err(source.invalid(
            &place.span(),
            format!("service {} has `quic` over {}", service.name, service.protocol),
            "write protocol = \"udp\": QUIC runs over UDP",
        ));
    }
    let length = server_ids(source, raw, service)?;
    let configs = if raw.quic_lb.is_empty() {
        config(source, &RawQuicLb::default(), length)?.into_iter().collect()
    } else {
        configs(source, &raw.quic_lb, length)?
    };
    service.quic = Some(QuicConfig { configs });
    Ok(())
}

/// Refuses what has no meaning for a service that does not look at connection ids.
fn refuse_without(
    source: &Source<'_>,
    raw: &RawService,
    service: &ServiceConfig,
) -> Result<(), ConfigError> {
    let hint = "add the line quic = true to the service, or leave this out";
    if let Some(table) = raw.quic_lb.first() {
        let message = format!("service {} has `quic_lb`, but not `quic`", service.name);
        return Err(source.invalid(&table.span(), message, hint));
    }
    for (raw, backend) in raw.backend.iter().zip(&service.backends) {
        if let Some(text) = &raw.get_ref().server_id {
            let message = format!(
                "backend {} has a `server_id`, but service {} has no `quic`",
                backend.name, service.name
            );
            return Err(source.invalid(&text.span(), message, hint));
        }
    }
    Ok(())
}

/// The server ids of the backends. Returns their length, with the name of a backend that has it.
fn server_ids(
    source: &Source<'_>,
    raw: &RawService,
    service: &mut ServiceConfig,
) -> Result<Option<u8>, ConfigError> {
    let mut lines: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut first: Option<(u8, String)> = None;
    for (raw, backend) in raw.backend.iter().zip(&mut service.backends) {
        let Some(text) = &raw.get_ref().server_id else {
            return Err(source.invalid(
                &raw.span(),
                format!("backend {} has no `server_id`", backend.name),
                "add a line such as server_id = \"0a0b\": what the server has for its own in the \
                 connection ids that it issues",
            ));
        };
        let (id, length) = server_id(source, text)?;
        let (wanted, of) = first.get_or_insert_with(|| (length, backend.name.clone()));
        if length != *wanted {
            return Err(source.invalid(
                &text.span(),
                format!("`server_id` has {}, that of backend {of} {wanted}", bytes(length)),
                "write ids of one length for all backends of a service",
            ));
        }
        if let Some(line) = lines.insert(id.clone(), source.line(&text.span())) {
            let message = format!("`server_id` {} is given already, on line {line}", hex(&id));
            return Err(source.invalid(
                &text.span(),
                message,
                "give each backend an id of its own",
            ));
        }
        backend.server_id = Some(id);
    }
    Ok(first.map(|(length, _)| length))
}

fn server_id(source: &Source<'_>, text: &Text) -> Result<(Vec<u8>, u8), ConfigError> {
    let written = text.get_ref();
    let hint = format!("write 1 to {LONGEST_SERVER_ID} bytes, two digits each, such as \"0a0b\"");
    let Some(id) = from_hex(written) else {
        let message = format!("`server_id` is \"{written}\", not bytes in hexadecimal");
        return Err(source.invalid(&text.span(), message, hint));
    };
    let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
    if length == 0 || length > LONGEST_SERVER_ID {
        let message = format!("`server_id` has {}", bytes(length));
        return Err(source.invalid(&text.span(), message, hint));
    }
    Ok((id, length))
}

fn configs(
    source: &Source<'_>,
    raw: &[Spanned<RawQuicLb>],
    length: Option<u8>,
) -> Result<Vec<QuicLb>, ConfigError> {
    let mut configs = Vec::new();
    let mut lines: HashMap<u8, usize> = HashMap::new();
    for raw in raw {
        let table = raw.get_ref();
        let at = place(table.config_rotation.as_ref(), &raw.span());
        let rotation = rotation(source, table)?;
        if let Some(line) = lines.insert(rotation, source.line(&at)) {
            let message = format!("config rotation {rotation} is given already, on line {line}");
            let hint = format!("give each a `config_rotation` of its own, 0 to {}", UNROUTABLE - 1);
            return Err(source.invalid(&at, message, hint));
        }
        configs.extend(config(source, table, length)?);
    }
    Ok(configs)
}

fn rotation(source: &Source<'_>, raw: &RawQuicLb) -> Result<u8, ConfigError> {
    let range = 0..=i64::from(UNROUTABLE - 1);
    integer(source, "config_rotation", raw.config_rotation.as_ref(), range, 0)
}

/// One configuration for server ids of this length; none while nothing says how long they are.
fn config(
    source: &Source<'_>,
    raw: &RawQuicLb,
    length: Option<u8>,
) -> Result<Option<QuicLb>, ConfigError> {
    let config_rotation = rotation(source, raw)?;
    let key = raw.key.as_ref().map(|text| key(source, text)).transpose()?;
    let range = 1..=i64::from(LONGEST_SERVER_ID);
    let default = length.unwrap_or_default();
    let server_id_length =
        integer(source, "server_id_length", raw.server_id_length.as_ref(), range, default)?;
    if let (Some(written), Some(length)) = (&raw.server_id_length, length)
        && server_id_length != length
    {
        let message = format!(
            "`server_id_length` is {server_id_length}, but the backends' `server_id` has {}",
            bytes(length)
        );
        let hint = "write ids of that length, or leave `server_id_length` out";
        return Err(source.invalid(&written.span(), message, hint));
    }
    let most = i64::from(LONGEST_CONNECTION_ID) - 1 - i64::from(server_id_length);
    let range = i64::from(SHORTEST_NONCE)..=most;
    let nonce_length =
        integer(source, "nonce_length", raw.nonce_length.as_ref(), range, SHORTEST_NONCE)?;
    let config = QuicLb { config_rotation, server_id_length, nonce_length, key };
    Ok((server_id_length > 0).then_some(config))
}

/// A key. What is written never shows, also where it is none.
fn key(source: &Source<'_>, text: &Text) -> Result<QuicKey, ConfigError> {
    let bytes = from_hex(text.get_ref()).and_then(|bytes| <[u8; KEY_LENGTH]>::try_from(bytes).ok());
    bytes.map(QuicKey::new).ok_or_else(|| {
        let message = "`key` is not 16 bytes in hexadecimal";
        source.invalid(&text.span(), message, "write 32 digits, as `openssl rand -hex 16` does")
    })
}

fn place<T>(value: Option<&Spanned<T>>, otherwise: &Range<usize>) -> Range<usize> {
    value.map_or_else(|| otherwise.clone(), Spanned::span)
}

fn bytes(count: u8) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}
