//! The connection table, as userspace reads it.

use std::{collections::HashMap, io};

use aya::{Pod, maps::MapError};
use loadbalancer_common::{Connection, ConnectionState};
use nix::time::{ClockId, clock_gettime};

use super::{DatapathError, Maps, batch::BatchMap};

/// A connection that was silent for longer is not counted as active.
const ACTIVE_NS: u64 = 120 * 1_000_000_000;

impl Maps {
    /// Connections that have not ended and carried a packet of the client in the last two minutes,
    /// by backend id.
    pub(super) fn count_active(&self) -> Result<HashMap<u32, u64>, DatapathError> {
        let now = monotonic_ns();
        let mut active = HashMap::new();
        count(&self.connections_v4, now, &mut active).map_err(read_error("CONNECTIONS_V4"))?;
        count(&self.connections_v6, now, &mut active).map_err(read_error("CONNECTIONS_V6"))?;
        Ok(active)
    }
}

fn count<K: Pod>(
    map: &BatchMap<K, Connection>,
    now: u64,
    active: &mut HashMap<u32, u64>,
) -> io::Result<()> {
    map.for_each(|_, connection| {
        if is_active(connection, now) {
            let count = active.entry(connection.backend).or_default();
            *count = count.saturating_add(1);
        }
    })
}

fn is_active(connection: &Connection, now: u64) -> bool {
    let ended = connection.state.contains(ConnectionState::CLIENT_FIN)
        || connection.state.contains(ConnectionState::RESET);
    !ended && now.saturating_sub(connection.last_seen_ns) < ACTIVE_NS
}

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(std::time::Duration::from);
    now.ok().and_then(|now| u64::try_from(now.as_nanos()).ok()).unwrap_or(u64::MAX)
}

fn read_error(map: &'static str) -> impl FnOnce(io::Error) -> DatapathError {
    move |source| DatapathError::Map {
        action: "read",
        map,
        source: Box::new(MapError::IoError(source)),
    }
}

#[cfg(test)]
mod tests {
    use loadbalancer_common::{Be16, MacWord};

    use super::*;

    #[test]
    fn ended_and_silent_connections_are_not_active() {
        let connection = Connection {
            last_seen_ns: 1_000,
            backend: 1,
            nat_port: Be16::ZERO,
            client_mac: MacWord::NONE,
            state: ConnectionState::ESTABLISHED,
            zero: 0,
        };
        assert!(is_active(&connection, 1_000));
        assert!(is_active(&connection, 1_000 + ACTIVE_NS - 1));
        assert!(!is_active(&connection, 1_000 + ACTIVE_NS));
        for end in [ConnectionState::CLIENT_FIN, ConnectionState::RESET] {
            assert!(!is_active(&Connection { state: end, ..connection }, 1_000));
        }
    }
}
