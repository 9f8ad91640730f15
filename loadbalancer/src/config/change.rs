//! Edits of the text: what an edit does not name stays as it was written.

use std::net::{IpAddr, SocketAddr};

use toml_edit::{DocumentMut, Table, TableLike, Value};

use super::{
    AdminState, Algorithm, BackendConfig, BackendSettings, Config, ConfigError, Edit, Forward,
    NewBackend, NewRule, NewService, Protocol, ServiceConfig,
    tables::{Tables, append, comment_above, find, give_back},
};

/// Makes an edit in a valid text that means `config`.
///
/// # Errors
///
/// When the edit names what does not exist. The result is not checked here.
pub(super) fn apply(text: &str, config: &Config, edit: &Edit) -> Result<String, ConfigError> {
    let mut document: DocumentMut = text.parse().map_err(|error| ConfigError::Edit {
        message: format!("the configuration cannot be edited: {error}"),
        hint: "correct the file".to_owned(),
    })?;
    let root = document.as_table_mut();
    match edit {
        Edit::AddService(new) => add_service(root, new),
        Edit::RemoveService { service } => {
            let (index, _) = find_service(config, service)?;
            remove(&mut document, &[], ("service", index));
        }
        Edit::AddBackend { service, backend } => {
            let (index, _) = find_service(config, service)?;
            let Some(table) = find(root, &[("service", index)]) else { return Err(lost(service)) };
            append(table, "backend", new_backend(backend));
        }
        Edit::SetBackend { service, backend, settings } => {
            let (index, found) = find_service(config, service)?;
            let (at, old) = find_backend(found, backend)?;
            let path = [("service", index), ("backend", at)];
            let Some(table) = find(root, &path) else { return Err(lost(backend)) };
            set_backend(table, old, settings);
        }
        Edit::RemoveBackend { service, backend } => {
            let (index, found) = find_service(config, service)?;
            let (at, _) = find_backend(found, backend)?;
            remove(&mut document, &[("service", index)], ("backend", at));
        }
        Edit::AddRule(new) => {
            let firewall = root.entry("firewall").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                toml_edit::Item::Table(table)
            });
            let Some(table) = firewall.as_table_like_mut() else { return Err(lost("firewall")) };
            append(table, "rule", new_rule(new));
        }
        Edit::RemoveRule { rule } => {
            let position = config.firewall.rules.iter().position(|one| one.name == *rule);
            let mut names = config.firewall.rules.iter().map(|one| one.name.as_str());
            let index = position.ok_or_else(|| absent("firewall rule", rule, &mut names))?;
            remove(&mut document, &[("firewall", 0)], ("rule", index));
        }
    }
    let edited = document.to_string();
    // The blank line above what is first now.
    Ok(if text.starts_with('\n') { edited } else { edited.trim_start_matches('\n').to_owned() })
}

/// Removes a table of a list; a comment above that is not its own stays.
fn remove(document: &mut DocumentMut, path: &[(&str, usize)], (key, index): (&str, usize)) {
    let Some(parent) = find(document.as_table_mut(), path) else { return };
    let Some(mut tables) = parent.get_mut(key).and_then(Tables::of) else { return };
    let kept = comment_above(&tables, index);
    tables.remove(index);
    if tables.is_empty() {
        parent.remove(key);
    }
    if let Some((position, comment)) = kept {
        give_back(document, position, &comment);
    }
}

fn find_service<'a>(
    config: &'a Config,
    name: &str,
) -> Result<(usize, &'a ServiceConfig), ConfigError> {
    let mut names = config.services.iter().map(|one| one.name.as_str());
    let found = config.services.iter().enumerate().find(|(_, one)| one.name == name);
    found.ok_or_else(|| absent("service", name, &mut names))
}

/// A backend by its name, or else by its address.
fn find_backend<'a>(
    service: &'a ServiceConfig,
    name: &str,
) -> Result<(usize, &'a BackendConfig), ConfigError> {
    let mut backends = service.backends.iter().enumerate();
    if let Some(found) = backends.clone().find(|(_, one)| one.name == name) {
        return Ok(found);
    }
    let address = name.parse::<SocketAddr>().ok().or_else(|| {
        let ip = name.parse::<IpAddr>().ok()?;
        Some(SocketAddr::new(ip, service.address.port()))
    });
    let by_address = backends.find(|(_, one)| Some(one.address) == address);
    let mut names = service.backends.iter().map(|one| one.name.as_str());
    by_address
        .ok_or_else(|| absent(&format!("backend of service {}", service.name), name, &mut names))
}

/// What is asked for is not there; what is.
fn absent(what: &str, name: &str, names: &mut dyn Iterator<Item = &str>) -> ConfigError {
    let mut known: Vec<&str> = names.take(11).collect();
    if known.len() == 11 {
        known.pop();
        known.push("...");
    }
    let message = format!("there is no {what} named {name}");
    let hint = match known.as_slice() {
        [] => "there is none at all".to_owned(),
        _ => format!("there are: {}", known.join(", ")),
    };
    ConfigError::Edit { message, hint }
}

/// The text says otherwise than the configuration that was read from it.
fn lost(name: &str) -> ConfigError {
    ConfigError::Edit {
        message: format!("{name} cannot be found in the text"),
        hint: "edit the file by hand".to_owned(),
    }
}

fn add_service(root: &mut Table, new: &NewService) {
    let mut table = Table::new();
    table.insert("name", toml_edit::value(&new.name));
    table.insert("address", toml_edit::value(&new.address));
    if new.protocol != Protocol::default() {
        table.insert("protocol", toml_edit::value(new.protocol.name()));
    }
    if new.forward != Forward::default() {
        table.insert("forward", toml_edit::value(new.forward.name()));
    }
    if new.algorithm != Algorithm::default() {
        table.insert("algorithm", toml_edit::value(new.algorithm.name()));
    }
    if new.quic {
        table.insert("quic", toml_edit::value(true));
    }
    if let Some(kind) = &new.health {
        let mut health = Table::new();
        health.insert("type", toml_edit::value(kind));
        table.insert("health", toml_edit::Item::Table(health));
    }
    append(root, "service", table);
}

fn new_backend(new: &NewBackend) -> Table {
    let mut table = Table::new();
    if let Some(name) = &new.name {
        table.insert("name", toml_edit::value(name));
    }
    table.insert("address", toml_edit::value(&new.address));
    if let Some(weight) = new.weight {
        table.insert("weight", toml_edit::value(i64::from(weight)));
    }
    if new.backup {
        table.insert("backup", toml_edit::value(true));
    }
    if let Some(server_id) = &new.server_id {
        table.insert("server_id", toml_edit::value(server_id));
    }
    table
}

fn new_rule(new: &NewRule) -> Table {
    let mut table = Table::new();
    table.insert("name", toml_edit::value(&new.name));
    let source: toml_edit::Array = new.source.iter().map(String::as_str).collect();
    table.insert("source", toml_edit::value(source));
    table.insert("action", toml_edit::value(new.action.name()));
    table
}

fn set_backend(table: &mut dyn TableLike, old: &BackendConfig, settings: &BackendSettings) {
    if let Some(weight) = settings.weight.filter(|weight| *weight != old.weight) {
        set(table, "weight", i64::from(weight).into(), false);
    }
    if let Some(backup) = settings.backup.filter(|backup| *backup != old.backup) {
        set(table, "backup", backup.into(), !backup);
    }
    if let Some(state) = settings.state.filter(|state| *state != old.state) {
        set(table, "state", state.name().into(), state == AdminState::default());
    }
}

/// Gives a key a value. A comment behind the old value stays; a default without one is left out.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value, is_default: bool) {
    let Some(old) = table.get_mut(key).and_then(toml_edit::Item::as_value_mut) else {
        let space = take_space(table);
        value.decor_mut().set_prefix(" ");
        value.decor_mut().set_suffix(space);
        table.insert(key, toml_edit::Item::Value(value));
        return;
    };
    if is_default && is_blank(old) && !has_comment_above(table, key) {
        let space = take_space(table);
        table.remove(key);
        if let Some(last) = last_value(table).filter(|last| is_blank(last)) {
            last.decor_mut().set_suffix(space);
        }
        return;
    }
    if let Some(old) = table.get_mut(key).and_then(toml_edit::Item::as_value_mut) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    }
}

fn last_value(table: &mut dyn TableLike) -> Option<&mut Value> {
    table.iter_mut().filter_map(|(_, item)| item.as_value_mut()).last()
}

/// Whether no comment stands behind a value.
fn is_blank(value: &Value) -> bool {
    let suffix = value.decor().suffix().and_then(|suffix| suffix.as_str());
    suffix.is_none_or(|suffix| suffix.trim().is_empty())
}

/// Takes what stands before the brace that closes a table on one line: it goes with the last value.
fn take_space(table: &mut dyn TableLike) -> String {
    let Some(last) = last_value(table).filter(|last| is_blank(last)) else { return String::new() };
    let suffix = last.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default();
    let space = suffix.to_owned();
    last.decor_mut().set_suffix("");
    space
}

fn has_comment_above(table: &dyn TableLike, key: &str) -> bool {
    let prefix = table.key(key).and_then(|key| key.leaf_decor().prefix());
    prefix.and_then(|prefix| prefix.as_str()).is_some_and(|prefix| prefix.contains('#'))
}
