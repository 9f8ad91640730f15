//! `[datapath]`, `[nat]` and `[api]`.

use std::{net::IpAddr, path::PathBuf};

use super::value::{family, integer, port_range, usable, word};
use crate::config::{
    ApiConfig, ConfigError, DatapathConfig, Limits, NatConfig, PortRange, XdpMode,
    raw::{Number, RawApi, RawDatapath, RawLimits, RawNat, Text},
    source::Source,
};

/// Longest path that fits a Unix socket's address, without the closing zero (`sun_path`).
const LONGEST_SOCKET_PATH: usize = 107;

/// `[datapath]`
pub(super) fn datapath(
    source: &Source<'_>,
    raw: &RawDatapath,
) -> Result<DatapathConfig, ConfigError> {
    let mut interfaces: Vec<String> = Vec::new();
    for text in &raw.interfaces {
        let name = text.get_ref();
        check_interface(source, text)?;
        if interfaces.contains(name) {
            let message = format!("interface {name} is listed twice");
            return Err(source.invalid(&text.span(), message, "leave one out"));
        }
        interfaces.push(name.clone());
    }
    Ok(DatapathConfig {
        interfaces,
        xdp_mode: word(source, "xdp_mode", raw.xdp_mode.as_ref(), XdpMode::default())?,
        pin_directory: absolute(
            source,
            "pin_directory",
            raw.pin_directory.as_ref(),
            DatapathConfig::default().pin_directory,
        )?,
        limits: limits(source, &raw.limits)?,
    })
}

/// What the kernel accepts as an interface's name (`dev_valid_name`).
fn check_interface(source: &Source<'_>, text: &Text) -> Result<(), ConfigError> {
    let name = text.get_ref();
    let refused = |byte: u8| byte == b'/' || byte == b':' || byte.is_ascii_whitespace();
    let dots = [".", ".."].contains(&name.as_str());
    if (1..=15).contains(&name.len()) && !dots && !name.bytes().any(refused) {
        return Ok(());
    }
    Err(source.invalid(
        &text.span(),
        format!("interface {name:?} cannot exist"),
        "write the name of an interface as `ip link` shows it: up to 15 bytes, no slash, colon or \
         space",
    ))
}

/// `[datapath.limits]`
fn limits(source: &Source<'_>, raw: &RawLimits) -> Result<Limits, ConfigError> {
    let defaults = Limits::default();
    let bound = |key: &str, number: &Option<Number>, most: i64, default: u32| {
        integer(source, key, number.as_ref(), 1..=most, default)
    };
    Ok(Limits {
        services: bound("services", &raw.services, 1 << 20, defaults.services)?,
        backends: bound("backends", &raw.backends, 1 << 20, defaults.backends)?,
        connections: bound("connections", &raw.connections, 1 << 26, defaults.connections)?,
        lookup_slots: bound("lookup_slots", &raw.lookup_slots, 1 << 28, defaults.lookup_slots)?,
        rules: bound("rules", &raw.rules, 1 << 20, defaults.rules)?,
        prefixes: bound("prefixes", &raw.prefixes, 1 << 24, defaults.prefixes)?,
    })
}

/// `[nat]`
pub(super) fn nat(source: &Source<'_>, raw: &RawNat) -> Result<NatConfig, ConfigError> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for text in &raw.addresses {
        let Ok(address) = text.get_ref().parse::<IpAddr>() else {
            return Err(source.invalid(
                &text.span(),
                format!("translation address {:?} is not an IP address", text.get_ref()),
                "write an address without port, such as \"192.0.2.1\" or \"2001:db8::1\"",
            ));
        };
        usable(source, "translation address", text, address)?;
        if let Some(first) = addresses.iter().find(|one| one.is_ipv4() == address.is_ipv4()) {
            let family = family(address);
            return Err(source.invalid(
                &text.span(),
                format!("{address} is a second {family} address for translation, after {first}"),
                "write at most one address of each family: this version uses one",
            ));
        }
        addresses.push(address);
    }
    let default = PortRange::default();
    Ok(NatConfig { addresses, ports: port_range(source, "ports", raw.ports.as_ref(), default)? })
}

/// `[api]`
pub(super) fn api(source: &Source<'_>, raw: &RawApi) -> Result<ApiConfig, ConfigError> {
    let socket = absolute(source, "socket", raw.socket.as_ref(), ApiConfig::default().socket)?;
    if let Some(text) =
        raw.socket.as_ref().filter(|text| text.get_ref().len() > LONGEST_SOCKET_PATH)
    {
        return Err(source.invalid(
            &text.span(),
            format!("`socket` has {} bytes", text.get_ref().len()),
            format!("write a path of at most {LONGEST_SOCKET_PATH} bytes"),
        ));
    }
    let mut listen = None;
    if let Some(text) = &raw.listen {
        let Ok(address) = text.get_ref().parse() else {
            return Err(source.invalid(
                &text.span(),
                format!("`listen` is {:?}, not an address with a port", text.get_ref()),
                "write it as \"127.0.0.1:9117\" or \"[::1]:9117\"",
            ));
        };
        listen = Some(address);
    }
    Ok(ApiConfig { socket, listen })
}

/// A path from the root, or the default.
fn absolute(
    source: &Source<'_>,
    key: &str,
    text: Option<&Text>,
    default: PathBuf,
) -> Result<PathBuf, ConfigError> {
    let Some(text) = text else { return Ok(default) };
    let path = PathBuf::from(text.get_ref());
    if path.is_absolute() {
        return Ok(path);
    }
    Err(source.invalid(
        &text.span(),
        format!("`{key}` is {:?}, not a path from the root", text.get_ref()),
        format!("write it as \"{}\"", default.display()),
    ))
}
