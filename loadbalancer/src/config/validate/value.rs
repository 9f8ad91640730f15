//! Single values: numbers in a range, durations, addresses, names, words.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::{Range, RangeInclusive},
    time::Duration,
};

use crate::config::{
    ConfigError, PortRange,
    names::Word,
    raw::{Number, Text},
    source::Source,
};

/// The value of a key that must be there.
pub(super) fn required<'a, T>(
    source: &Source<'_>,
    table: &Range<usize>,
    what: &str,
    key: &str,
    example: &str,
    value: Option<&'a T>,
) -> Result<&'a T, ConfigError> {
    value.ok_or_else(|| {
        let hint = format!("add a line such as {key} = {example}");
        source.invalid(table, format!("this {what} has no `{key}`"), hint)
    })
}

/// A number in a range, or the default.
pub(super) fn integer<T: TryFrom<i64>>(
    source: &Source<'_>,
    key: &str,
    number: Option<&Number>,
    range: RangeInclusive<i64>,
    default: T,
) -> Result<T, ConfigError> {
    let Some(number) = number else { return Ok(default) };
    let value = *number.get_ref();
    T::try_from(value).ok().filter(|_| range.contains(&value)).ok_or_else(|| {
        let hint = format!("write a number from {} to {}", range.start(), range.end());
        source.invalid(&number.span(), format!("`{key}` is {value}"), hint)
    })
}

/// One of a setting's words, or the default.
pub(super) fn word<T: Word>(
    source: &Source<'_>,
    key: &str,
    text: Option<&Text>,
    default: T,
) -> Result<T, ConfigError> {
    let Some(text) = text else { return Ok(default) };
    let written = text.get_ref().as_str();
    if let Some((_, value)) = T::WORDS.iter().find(|(word, _)| *word == written) {
        return Ok(*value);
    }
    let message = if T::PLANNED.contains(&written) {
        format!("`{key}` is \"{written}\", which this version does not support")
    } else {
        format!("`{key}` is \"{written}\", which is unknown")
    };
    let known: Vec<String> = T::WORDS.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let hint = match known.as_slice() {
        [only] => format!("write {only}"),
        _ => format!("write one of {}", known.join(", ")),
    };
    Err(source.invalid(&text.span(), message, hint))
}

/// A duration from `shortest` to an hour, or the default.
pub(super) fn duration(
    source: &Source<'_>,
    key: &str,
    text: Option<&Text>,
    shortest: Duration,
    default: Duration,
) -> Result<Duration, ConfigError> {
    const LONGEST: Duration = Duration::from_secs(3_600);
    let Some(text) = text else { return Ok(default) };
    let written = text.get_ref();
    let Ok(duration) = humantime::parse_duration(written) else {
        let message = format!("`{key}` is \"{written}\", not a duration");
        return Err(source.invalid(
            &text.span(),
            message,
            "write it as \"500ms\", \"1s\" or \"2m\"",
        ));
    };
    if !(shortest..=LONGEST).contains(&duration) {
        let hint = format!(
            "write a duration from {} to {}",
            humantime::format_duration(shortest),
            humantime::format_duration(LONGEST)
        );
        return Err(source.invalid(&text.span(), format!("`{key}` is \"{written}\""), hint));
    }
    Ok(duration)
}

/// A name: also what an address as default name consists of.
pub(super) fn name(source: &Source<'_>, what: &str, text: &Text) -> Result<String, ConfigError> {
    let written = text.get_ref();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-[]".contains(&byte);
    if (1..=63).contains(&written.len()) && written.bytes().all(allowed) {
        return Ok(written.clone());
    }
    Err(source.invalid(
        &text.span(),
        format!("{what} name {written:?} is not a name"),
        "write 1 to 63 letters, digits, dots, colons, hyphens and underscores",
    ))
}

/// An address with or without a port, as users write it.
pub(super) fn endpoint(written: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(address) = written.parse::<SocketAddr>() {
        let scoped = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
        return (!scoped).then(|| (address.ip(), Some(address.port())));
    }
    let bare = written
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inner| inner.contains(':'))
        .unwrap_or(written);
    bare.parse().ok().map(|address| (address, None))
}

/// Why an address cannot be one host's on the network, and what would be right.
pub(super) fn unusable(address: IpAddr) -> Option<(&'static str, String)> {
    let example = "write an address of one host".to_owned();
    let link_local = |address: Ipv6Addr| address.is_unicast_link_local();
    match address {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some(("the broadcast address", example)),
        IpAddr::V6(inner) if link_local(inner) => Some(("a link-local address", example)),
        IpAddr::V6(inner) if inner.to_ipv4_mapped().is_some() => {
            let hint = format!("write {}", address.to_canonical());
            Some(("an IPv4 address in IPv6 notation", hint))
        }
        _ if address.is_unspecified() => Some(("the unspecified address", example)),
        _ if address.is_loopback() => Some(("a loopback address", example)),
        _ if address.is_multicast() => Some(("a multicast address", example)),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Refuses an address that cannot be one host's on the network.
pub(super) fn usable(
    source: &Source<'_>,
    what: &str,
    text: &Text,
    address: IpAddr,
) -> Result<(), ConfigError> {
    match unusable(address) {
        Some((kind, hint)) => {
            Err(source.invalid(&text.span(), format!("{what} {address} is {kind}"), hint))
        }
        None => Ok(()),
    }
}

/// A range of ports, `first-last`, or the default.
pub(super) fn port_range(
    source: &Source<'_>,
    key: &str,
    text: Option<&Text>,
    default: PortRange,
) -> Result<PortRange, ConfigError> {
    let Some(text) = text else { return Ok(default) };
    let written = text.get_ref();
    let refuse = |message: String, hint| Err(source.invalid(&text.span(), message, hint));
    let parsed =
        written.split_once('-').and_then(|(first, last)| Some((port(first)?, port(last)?)));
    match parsed {
        None => refuse(
            format!("`{key}` is \"{written}\", not a range of ports"),
            "write it as \"40000-59999\"",
        ),
        Some((first, _)) if first < 1_024 => refuse(
            format!("`{key}` is \"{written}\", which begins below 1024"),
            "ports below 1024 belong to services: begin at 1024 or above",
        ),
        Some((first, last)) if first > last => refuse(
            format!("`{key}` is \"{written}\", which ends before it begins"),
            "write the lower port first",
        ),
        Some((first, last)) => Ok(PortRange { first, last }),
    }
}

fn port(written: &str) -> Option<u16> {
    written.bytes().all(|byte| byte.is_ascii_digit()).then(|| written.parse().ok()).flatten()
}

/// "IPv4" or "IPv6".
pub(super) const fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}
