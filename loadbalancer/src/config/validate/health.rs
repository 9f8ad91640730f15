//! `[service.health]`

use std::time::Duration;

use super::value::{duration, integer, word};
use crate::config::{
    CheckKind, ConfigError, HealthConfig, Protocol,
    names::CheckName,
    raw::{RawHealth, Text},
    source::Source,
};

/// Longest wait for an answer where the file names none.
const TIMEOUT: Duration = Duration::from_millis(500);

/// How the backends of a service of this protocol and port are checked.
pub(super) fn health(
    source: &Source<'_>,
    raw: &RawHealth,
    protocol: Protocol,
    service_port: u16,
) -> Result<HealthConfig, ConfigError> {
    // Without a port there is nothing to shake hands with, and UDP need not answer.
    let default = match (protocol, service_port) {
        (Protocol::Tcp, 1..) => CheckName::Tcp,
        (Protocol::Tcp, 0) | (Protocol::Udp, _) => CheckName::None,
    };
    let name = word(source, "type", raw.kind.as_ref(), default)?;
    let port = match integer(source, "port", raw.port.as_ref(), 1..=65_535, 0_u16)? {
        0 => None,
        port => Some(port),
    };
    if let Some(kind) = raw.kind.as_ref().filter(|_| name != CheckName::None)
        && service_port == 0
        && port.is_none()
    {
        return Err(source.invalid(
            &kind.span(),
            "this check has no port to ask on, as the service covers every port",
            "add `port` to the check",
        ));
    }
    let interval = duration(
        source,
        "interval",
        raw.interval.as_ref(),
        Duration::from_millis(10),
        Duration::from_secs(1),
    )?;
    let timeout = duration(
        source,
        "timeout",
        raw.timeout.as_ref(),
        Duration::from_millis(1),
        TIMEOUT.min(interval),
    )?;
    if let Some(text) = raw.timeout.as_ref().filter(|_| timeout > interval) {
        return Err(source.invalid(
            &text.span(),
            format!(
                "`timeout` is \"{}\", longer than the interval of {}",
                text.get_ref(),
                humantime::format_duration(interval)
            ),
            "write a timeout of at most the interval",
        ));
    }
    Ok(HealthConfig {
        kind: kind(source, raw, name)?,
        interval,
        timeout,
        rise: integer(source, "rise", raw.rise.as_ref(), 1..=1_000, 2)?,
        fall: integer(source, "fall", raw.fall.as_ref(), 1..=1_000, 2)?,
        port,
    })
}

/// The kind with its settings; settings of another kind are refused.
fn kind(source: &Source<'_>, raw: &RawHealth, name: CheckName) -> Result<CheckKind, ConfigError> {
    if name == CheckName::Http {
        let path = http_text(source, "path", raw.path.as_ref(), |path| path.starts_with('/'))?;
        let host = http_text(source, "host", raw.host.as_ref(), |host| !host.is_empty())?;
        return Ok(CheckKind::Http { path: path.unwrap_or_else(|| "/".to_owned()), host });
    }
    for (key, text) in [("path", &raw.path), ("host", &raw.host)] {
        if let Some(text) = text {
            return Err(source.invalid(
                &text.span(),
                format!("`{key}` belongs to checks of type \"http\""),
                "leave it out, or write type = \"http\" beside it",
            ));
        }
    }
    Ok(if name == CheckName::Tcp { CheckKind::Tcp } else { CheckKind::None })
}

/// Text that goes into a request's head: printable ASCII without spaces.
fn http_text(
    source: &Source<'_>,
    key: &str,
    text: Option<&Text>,
    begins_well: impl Fn(&str) -> bool,
) -> Result<Option<String>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let written = text.get_ref();
    if begins_well(written) && written.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(written.clone()));
    }
    let hint = match key {
        "path" => "write a path such as \"/healthz\", other characters as %XX",
        _ => "write a host name such as \"www.example.com\"",
    };
    Err(source.invalid(&text.span(), format!("`{key}` is {written:?}"), hint))
}
