//! Reading `loadbalancer stats --json` by name, with errors that show what is there instead.

use anyhow::{Context, Result};
use serde_json::Value;

/// The four counters of every service and backend.
pub const COUNTERS: [&str; 4] = ["packets", "bytes", "connections", "queries"];

/// The service called `name`.
pub fn service<'a>(stats: &'a Value, name: &str) -> Result<&'a Value> {
    named(stats, "services", "name", name)
}

/// The backend called `name` of a service.
pub fn backend<'a>(service: &'a Value, name: &str) -> Result<&'a Value> {
    named(service, "backends", "name", name)
}

/// The firewall rule called `name`.
pub fn rule<'a>(stats: &'a Value, name: &str) -> Result<&'a Value> {
    named(stats, "firewall", "rule", name)
}

/// A counter of a service, backend, rule or CPU.
pub fn counter(entry: &Value, name: &str) -> Result<u64> {
    let value = entry.get(name).and_then(Value::as_u64);
    value.with_context(|| format!("no counter {name} in {entry}"))
}

/// A text of an entry.
pub fn text(entry: &Value, name: &str) -> Result<String> {
    let value = entry.get(name).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no text {name} in {entry}"))?.to_owned())
}

/// A list of an entry.
pub fn list<'a>(entry: &'a Value, name: &str) -> Result<&'a [Value]> {
    let value = entry.get(name).and_then(Value::as_array);
    Ok(value.with_context(|| format!("no list {name} in {entry}"))?)
}

fn named<'a>(holder: &'a Value, of: &str, key: &str, name: &str) -> Result<&'a Value> {
    let found = list(holder, of)?.iter().find(|entry| entry.get(key) == Some(&name.into()));
    found.with_context(|| format!("no {name} among the {of} of {holder}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counters_are_found_by_name() {
        let stats =
            json!({"services": [{"name": "web", "backends": [{"name": "web-1", "queries": 7}]}]});
        let web_1 = backend(service(&stats, "web").unwrap(), "web-1").unwrap();
        assert_eq!(counter(web_1, "queries").unwrap(), 7);
    }

    #[test]
    fn a_missing_name_shows_what_is_there() {
        let failure = service(&json!({"services": [{"name": "web"}]}), "dns").unwrap_err();
        assert_eq!(
            failure.to_string(),
            r#"no dns among the services of {"services":[{"name":"web"}]}"#
        );
    }
}
