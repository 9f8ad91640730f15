//! What differs between two configurations, in words.

use super::{
    BackendConfig, CheckKind, Config, HealthConfig, QuicConfig, RuleConfig, ServiceConfig,
    quic::hex,
};

/// A line for each thing that changed; none when both mean the same.
pub fn differences(old: &Config, new: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    let before = settings(old);
    for ((key, value), (_, was)) in settings(new).into_iter().zip(before) {
        changed(&mut lines, key, &was, &value);
    }
    let name = |service: &ServiceConfig| service.name.clone();
    pair(&old.services, &new.services, name, |pair| match pair {
        (None, Some(new)) => added_service(&mut lines, new),
        (Some(old), None) => lines.push(format!(
            "removed service {} ({} over {}){}",
            old.name,
            old.address,
            old.protocol,
            with_backends(old.backends.len())
        )),
        (Some(old), Some(new)) => service(&mut lines, old, new),
        (None, None) => {}
    });
    pair(
        &old.firewall.rules,
        &new.firewall.rules,
        |rule| rule.name.clone(),
        |pair| match pair {
            (None, Some(new)) => lines.push(format!(
                "added firewall rule {}: {} {}",
                new.name,
                new.action,
                sources(new)
            )),
            (Some(old), None) => lines.push(format!("removed firewall rule {}", old.name)),
            (Some(old), Some(new)) => {
                let what = format!("firewall rule {}", new.name);
                changed(
                    &mut lines,
                    &format!("{what}: action"),
                    old.action.name(),
                    new.action.name(),
                );
                changed(&mut lines, &format!("{what}: source"), &sources(old), &sources(new));
            }
            (None, None) => {}
        },
    );
    lines
}

/// Goes through what either list has: first what is only in `old`, then `new` in its order.
fn pair<'a, T>(
    old: &'a [T],
    new: &'a [T],
    name: impl Fn(&T) -> String,
    mut each: impl FnMut((Option<&'a T>, Option<&'a T>)),
) {
    let by_name = |list: &'a [T]| {
        list.iter().map(|one| (name(one), one)).collect::<std::collections::HashMap<_, _>>()
    };
    let (before, after) = (by_name(old), by_name(new));
    for one in old.iter().filter(|one| !after.contains_key(&name(one))) {
        each((Some(one), None));
    }
    for one in new {
        each((before.get(&name(one)).copied(), Some(one)));
    }
}

fn changed(lines: &mut Vec<String>, what: &str, old: &str, new: &str) {
    if old != new {
        lines.push(format!("{what}: {old} -> {new}"));
    }
}

/// The settings that exist once.
fn settings(config: &Config) -> [(&'static str, String); 8] {
    let list = |mut words: Vec<String>| {
        if words.is_empty() {
            words.push("none".to_owned());
        }
        words.join(", ")
    };
    let limits = &config.datapath.limits;
    [
        ("interfaces", list(config.datapath.interfaces.clone())),
        ("XDP mode", config.datapath.xdp_mode.to_string()),
        ("pin directory", config.datapath.pin_directory.display().to_string()),
        (
            "limits",
            format!(
                "services {}, backends {}, connections {}, lookup_slots {}, rules {}, prefixes {}",
                limits.services,
                limits.backends,
                limits.connections,
                limits.lookup_slots,
                limits.rules,
                limits.prefixes
            ),
        ),
        (
            "translation",
            format!(
                "addresses {}, ports {}",
                list(config.nat.addresses.iter().map(ToString::to_string).collect()),
                config.nat.ports
            ),
        ),
        ("API socket", config.api.socket.display().to_string()),
        ("API listener", list(config.api.listen.iter().map(ToString::to_string).collect())),
        ("firewall default", config.firewall.default.to_string()),
    ]
}

fn with_backends(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " with 1 backend".to_owned(),
        _ => format!(" with {count} backends"),
    }
}

fn added_service(lines: &mut Vec<String>, service: &ServiceConfig) {
    lines.push(format!(
        "added service {} ({} over {})",
        service.name, service.address, service.protocol
    ));
    for backend in &service.backends {
        lines.push(added_backend(service, backend));
    }
}

fn added_backend(service: &ServiceConfig, backend: &BackendConfig) -> String {
    let address = backend.address.to_string();
    let role = if backend.backup { "backup" } else { "backend" };
    if backend.name == address {
        format!("added {role} {address} to service {}", service.name)
    } else {
        format!("added {role} {} ({address}) to service {}", backend.name, service.name)
    }
}

fn service(lines: &mut Vec<String>, old: &ServiceConfig, new: &ServiceConfig) {
    let what = |key: &str| format!("service {}: {key}", new.name);
    let address = |one: &ServiceConfig| format!("{} over {}", one.address, one.protocol);
    changed(lines, &what("address"), &address(old), &address(new));
    changed(lines, &what("forward"), old.forward.name(), new.forward.name());
    changed(lines, &what("algorithm"), old.algorithm.name(), new.algorithm.name());
    for (key, old, new) in [
        ("table_size", old.table_size, new.table_size),
        ("min_healthy", old.min_healthy, new.min_healthy),
    ] {
        changed(lines, &what(key), &old.to_string(), &new.to_string());
    }
    changed(lines, &what("health"), &health(&old.health), &health(&new.health));
    changed(lines, &what("quic"), &quic(old.quic.as_ref()), &quic(new.quic.as_ref()));
    for rotation in changed_keys(old, new) {
        lines.push(format!("service {}: key of config rotation {rotation} changed", new.name));
    }
    pair(
        &old.backends,
        &new.backends,
        |one| one.name.clone(),
        |pair| match pair {
            (None, Some(backend)) => lines.push(added_backend(new, backend)),
            (Some(backend), None) => {
                lines.push(format!("removed backend {} from service {}", backend.name, new.name));
            }
            (Some(before), Some(after)) => {
                backend(
                    lines,
                    &format!("backend {} of service {}", after.name, new.name),
                    before,
                    after,
                );
            }
            (None, None) => {}
        },
    );
}

fn backend(lines: &mut Vec<String>, what: &str, old: &BackendConfig, new: &BackendConfig) {
    for (key, old, new) in [
        ("address", old.address.to_string(), new.address.to_string()),
        ("weight", old.weight.to_string(), new.weight.to_string()),
        ("backup", old.backup.to_string(), new.backup.to_string()),
        ("state", old.state.to_string(), new.state.to_string()),
        ("server_id", server_id(old), server_id(new)),
    ] {
        changed(lines, &format!("{what}: {key}"), &old, &new);
    }
}

fn health(health: &HealthConfig) -> String {
    use std::fmt::Write;
    let mut text = health.kind.name().to_owned();
    let mut add = |part: std::fmt::Arguments<'_>| text.write_fmt(part).unwrap_or_default();
    if let CheckKind::Http { path, host } = &health.kind {
        add(format_args!(" {path}"));
        if let Some(host) = host {
            add(format_args!(" of {host}"));
        }
    }
    if let Some(port) = health.port {
        add(format_args!(" on port {port}"));
    }
    add(format_args!(
        " every {}, timeout {}, rise {}, fall {}",
        humantime::format_duration(health.interval),
        humantime::format_duration(health.timeout),
        health.rise,
        health.fall
    ));
    text
}

fn quic(quic: Option<&QuicConfig>) -> String {
    let configs = quic.map(|quic| quic.configs.iter().map(ToString::to_string).collect());
    match configs.map(|configs: Vec<String>| configs.join("; ")) {
        None => "off".to_owned(),
        Some(configs) if configs.is_empty() => "on".to_owned(),
        Some(configs) => configs,
    }
}

/// Config rotations that are encrypted with another key than before, which nothing shows.
fn changed_keys(old: &ServiceConfig, new: &ServiceConfig) -> Vec<u8> {
    let keys = |service: &ServiceConfig| {
        let configs = service.quic.iter().flat_map(|quic| &quic.configs);
        let keys = configs.filter_map(|one| Some((one.config_rotation, one.key.clone()?)));
        keys.collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = keys(old);
    let differs = |rotation: &u8, key| before.get(rotation).is_some_and(|before| before != key);
    let after = keys(new);
    after.iter().filter(|(rotation, key)| differs(rotation, *key)).map(|(one, _)| *one).collect()
}

fn server_id(backend: &BackendConfig) -> String {
    backend.server_id.as_deref().map_or_else(|| "none".to_owned(), hex)
}

fn sources(rule: &RuleConfig) -> String {
    rule.source.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
