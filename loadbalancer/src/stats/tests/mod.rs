//! A source with counters of our choice, and what is made of them.

mod collected;
mod prometheus;
mod rates;

use std::collections::HashMap;

use loadbalancer_common::{Counters, RuleCounters};

use super::{
    BackendState, Catalog, CatalogBackend, CatalogRule, CatalogService, Source, SourceError,
};
use crate::config::{Algorithm, Forward, Protocol, RuleAction};

#[derive(Default)]
struct Fake {
    backends: HashMap<u32, Vec<Counters>>,
    rules: HashMap<u32, Vec<RuleCounters>>,
    drops: Vec<u64>,
    events: Vec<u64>,
    active: HashMap<u32, u64>,
}

impl Source for Fake {
    fn counters(&self, backend: u32) -> Result<Vec<Counters>, SourceError> {
        self.backends.get(&backend).cloned().ok_or_else(|| SourceError {
            what: format!("the counters of backend {backend}"),
            source: "no such entry".into(),
        })
    }

    fn rule_counters(&self, rule: u32) -> Result<Vec<RuleCounters>, SourceError> {
        Ok(self.rules.get(&rule).cloned().unwrap_or_default())
    }

    fn drops(&self) -> Result<Vec<u64>, SourceError> {
        Ok(self.drops.clone())
    }

    fn events(&self) -> Result<Vec<u64>, SourceError> {
        Ok(self.events.clone())
    }

    fn active_connections(&self) -> Result<HashMap<u32, u64>, SourceError> {
        Ok(self.active.clone())
    }
}

fn counters(packets: u64, bytes: u64, connections: u64, queries: u64) -> Counters {
    Counters { packets, bytes, connections, queries }
}

/// One service, `web`, with the backends 1 and 2 on two CPUs; two rules.
fn fake() -> Fake {
    Fake {
        backends: HashMap::from([
            (1, vec![counters(10, 1_000, 1, 5), counters(20, 2_000, 2, 6)]),
            (2, vec![counters(0, 0, 0, 0), counters(4, 400, 1, 0)]),
        ]),
        rules: HashMap::from([
            (1, vec![RuleCounters { packets: 3, bytes: 180 }; 2]),
            (2, vec![RuleCounters { packets: 50, bytes: 3_000 }, RuleCounters::default()]),
        ]),
        drops: vec![7, 8],
        events: vec![1, 2, 3],
        active: HashMap::from([(1, 3)]),
    }
}

fn catalog() -> Catalog {
    let backend = |id, name: &str, address: &str, state| CatalogBackend {
        id,
        name: name.to_owned(),
        address: address.parse().unwrap(),
        state,
        weight: 100,
        backup: false,
    };
    let rule = |id, name: &str, action| CatalogRule { id, name: name.to_owned(), action };
    Catalog {
        services: vec![CatalogService {
            id: 1,
            name: "web".to_owned(),
            address: "192.0.2.10:80".parse().unwrap(),
            protocol: Protocol::Tcp,
            forward: Forward::Nat,
            algorithm: Algorithm::Maglev,
            backends: vec![
                backend(1, "web-1", "10.0.0.11:8080", BackendState::Healthy),
                backend(2, "web \"2\"", "[2001:db8::2]:8080", BackendState::Draining),
            ],
        }],
        rules: vec![rule(1, "no-ssh", RuleAction::Drop), rule(2, "office", RuleAction::Pass)],
    }
}
