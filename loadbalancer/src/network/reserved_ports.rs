//! Keeps the ports of translated connections out of the host's own use.
//!
//! The kernel gives no port of `ip_local_reserved_ports` to a connection that asks for any port.
//! The setting belongs to the host, not to us: what others reserved stays. A range is removed only
//! where it stands in the list as it was added; when others reserved ports that overlap or adjoin
//! it, the kernel shows one longer range, and that stays.
//! Source: Linux, Documentation/networking/ip-sysctl.rst, `ip_local_reserved_ports`.

use std::{fs, path::Path};

use super::NetworkError;
use crate::config::PortRange;

const SETTING: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// Adds `range` to the ports that the host reserves; true when they were not all reserved before.
///
/// # Errors
///
/// When the setting cannot be read or written.
pub fn reserve_ports(range: PortRange) -> Result<bool, NetworkError> {
    change(Path::new(SETTING), |ports| add(ports, range))
}

/// Removes `range` from the ports that the host reserves, where it stands there as such; true when
/// it did.
///
/// # Errors
///
/// When the setting cannot be read or written.
pub fn release_ports(range: PortRange) -> Result<bool, NetworkError> {
    change(Path::new(SETTING), |ports| remove(ports, range))
}

fn change(
    path: &Path,
    change: impl FnOnce(&[PortRange]) -> Vec<PortRange>,
) -> Result<bool, NetworkError> {
    let failed =
        |action| move |source| NetworkError::Setting { action, path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(failed("read"))?;
    let Some(before) = parse(&text) else {
        return Err(NetworkError::NotPorts { path: path.to_owned(), text: text.trim().to_owned() });
    };
    let after = change(&before);
    if after == before {
        return Ok(false);
    }
    fs::write(path, list(&after)).map_err(failed("write"))?;
    Ok(true)
}

/// The ranges of a list such as `8080,40000-59999`, in order and without overlap.
fn parse(text: &str) -> Option<Vec<PortRange>> {
    let ranges = text.trim().split(',').filter(|item| !item.is_empty()).map(|item| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let range = PortRange { first: first.parse().ok()?, last: last.parse().ok()? };
        (range.first <= range.last).then_some(range)
    });
    Some(merge(ranges.collect::<Option<Vec<_>>>()?))
}

/// A list as the kernel takes it. It ends with a line feed: an empty write would change nothing.
fn list(ranges: &[PortRange]) -> String {
    let item = |range: &PortRange| {
        if range.first == range.last { range.first.to_string() } else { range.to_string() }
    };
    let items: Vec<String> = ranges.iter().map(item).collect();
    items.join(",") + "\n"
}

/// Joins ranges that overlap or adjoin, as the kernel does.
fn merge(mut ranges: Vec<PortRange>) -> Vec<PortRange> {
    ranges.sort_unstable_by_key(|range| range.first);
    let mut merged: Vec<PortRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.first <= last.last.saturating_add(1) => {
                last.last = last.last.max(range.last);
            }
            Some(_) | None => merged.push(range),
        }
    }
    merged
}

fn add(ports: &[PortRange], range: PortRange) -> Vec<PortRange> {
    merge(ports.iter().copied().chain([range]).collect())
}

fn remove(ports: &[PortRange], range: PortRange) -> Vec<PortRange> {
    ports.iter().copied().filter(|other| *other != range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAT: PortRange = PortRange { first: 40_000, last: 59_999 };

    fn added(text: &str) -> String {
        list(&add(&parse(text).unwrap(), NAT))
    }

    fn removed(text: &str) -> String {
        list(&remove(&parse(text).unwrap(), NAT))
    }

    #[test]
    fn a_range_is_added_to_what_others_reserved() {
        assert_eq!(added("\n"), "40000-59999\n");
        assert_eq!(added("8080,9148\n"), "8080,9148,40000-59999\n");
        assert_eq!(added("65000-65535\n"), "40000-59999,65000-65535\n");
        assert_eq!(added("40000-59999\n"), "40000-59999\n");
        assert_eq!(added("30000-45000,50000,60000\n"), "30000-60000\n");
    }

    #[test]
    fn a_range_is_removed_only_where_it_stands_alone() {
        assert_eq!(removed("40000-59999\n"), "\n");
        assert_eq!(removed("8080,40000-59999,65535\n"), "8080,65535\n");
        assert_eq!(removed("30000-60000\n"), "30000-60000\n");
        assert_eq!(removed("40000\n"), "40000\n");
    }

    #[test]
    fn the_highest_port_does_not_overflow() {
        assert_eq!(list(&parse("65535,65535").unwrap()), "65535\n");
        assert_eq!(list(&parse("1-65535,65535").unwrap()), "1-65535\n");
    }

    #[test]
    fn what_is_not_a_list_of_ports_is_refused() {
        for text in ["ports", "1-2-3", "70000", "9-8", "-5"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_setting_is_written_only_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ip_local_reserved_ports");
        fs::write(&path, "8080\n").unwrap();
        assert!(change(&path, |ports| add(ports, NAT)).unwrap());
        assert!(!change(&path, |ports| add(ports, NAT)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "8080,40000-59999\n");
        assert!(change(&path, |ports| remove(ports, NAT)).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "8080\n");
    }

    #[test]
    fn errors_name_the_setting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ports");
        let missing = change(&path, <[PortRange]>::to_vec).unwrap_err();
        assert_eq!(missing.to_string(), format!("cannot read {}", path.display()));
        fs::write(&path, "x\n").unwrap();
        let broken = change(&path, <[PortRange]>::to_vec).unwrap_err();
        let expected = format!("{} holds \"x\", which is not a list of ports", path.display());
        assert_eq!(broken.to_string(), expected);
    }
}
