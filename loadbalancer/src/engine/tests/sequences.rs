//! Random sequences of changes in configuration and health, applied write by write.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{World, config, simulation::Maps};
use crate::{
    config::{
        AdminState, BackendConfig, Config, Forward, Limits, QuicConfig, QuicKey, QuicLb,
        RuleAction, RuleConfig, ServiceConfig,
    },
    engine::{Allocation, Changes, Image},
};

/// Slots for four services of 13 slots, twice: what validation asks for.
const LIMITS: Limits =
    Limits { services: 4, backends: 64, connections: 1, lookup_slots: 104, rules: 4, prefixes: 8 };

/// One turn of events.
#[derive(Clone, Debug)]
enum Event {
    /// Adds or removes a service.
    Service(u8),
    /// Adds or removes a backend.
    Backend(u8, u8),
    /// Changes what the operator wants of a backend, or its weight and role.
    Set(u8, u8, AdminState, u16, bool),
    /// A backend goes down or comes up.
    Health(u8, u8),
    /// The way to a backend is lost or found.
    Way(u8),
    /// Another forward mode, and another table size.
    Forward(u8, u32),
    /// A service begins or ceases to follow QUIC connections, with other server ids each time.
    Quic(u8, u8),
    /// Adds or removes a rule, or turns the default.
    Firewall(u8),
    /// The daemon starts anew, with or without reading the tables.
    Restart(bool),
}

fn event() -> impl Strategy<Value = Event> {
    let states = vec![AdminState::Enabled, AdminState::Draining, AdminState::Disabled];
    let state = prop::sample::select(states);
    let (service, backend) = (0..4_u8, 1..6_u8);
    prop_oneof![
        1 => service.clone().prop_map(Event::Service),
        4 => (service.clone(), backend.clone()).prop_map(|(s, b)| Event::Backend(s, b)),
        2 => (service.clone(), backend.clone(), state, 0..4_u16, any::<bool>())
            .prop_map(|(s, b, state, weight, backup)| Event::Set(s, b, state, weight, backup)),
        4 => (service.clone(), backend.clone()).prop_map(|(s, b)| Event::Health(s, b)),
        1 => backend.prop_map(Event::Way),
        1 => (service.clone(), 0..3_u8).prop_map(|(s, base)| Event::Quic(s, base)),
        1 => (service, prop::sample::select(vec![5_u32, 7, 11, 13]))
            .prop_map(|(s, size)| Event::Forward(s, size)),
        1 => (0..4_u8).prop_map(Event::Firewall),
        1 => any::<bool>().prop_map(Event::Restart),
    ]
}

fn backend_address(service: &ServiceConfig, number: u8) -> SocketAddr {
    let ip = if service.address.is_ipv4() { "10.0.0" } else { "2001:db8:1:" };
    let separator = if service.address.is_ipv4() { "." } else { ":" };
    SocketAddr::new(format!("{ip}{separator}{number}").parse().unwrap(), 80)
}

fn new_service(number: u8) -> ServiceConfig {
    let address =
        if number < 3 { format!("192.0.2.{number}:80") } else { "[2001:db8::10]:80".to_owned() };
    let text =
        format!("[[service]]\nname = \"s{number}\"\naddress = \"{address}\"\ntable_size = 13");
    config(&text.replace("192.0.2.0", "192.0.2.100")).services.remove(0)
}

fn toggle<T>(list: &mut Vec<T>, at: Option<usize>, new: impl FnOnce() -> T) {
    match at {
        Some(index) => drop(list.remove(index)),
        None => list.push(new()),
    }
}

fn find(config: &mut Config, number: u8) -> Option<&mut ServiceConfig> {
    config.services.iter_mut().find(|one| one.name == format!("s{number}"))
}

fn change_firewall(config: &mut Config, number: u8) {
    if number == 0 {
        config.firewall.default = match config.firewall.default {
            RuleAction::Pass => RuleAction::Drop,
            RuleAction::Drop => RuleAction::Pass,
        };
        return;
    }
    let rules = &mut config.firewall.rules;
    let at = rules.iter().position(|one| one.name == number.to_string());
    toggle(rules, at, || RuleConfig {
        name: number.to_string(),
        source: vec![format!("{number}.0.0.0/8").parse().unwrap()],
        action: if number.is_multiple_of(2) { RuleAction::Pass } else { RuleAction::Drop },
    });
}

/// Config rotation 0, and one more.
fn quic(rotation: u8) -> QuicConfig {
    let rotations = if rotation == 0 { vec![0] } else { vec![0, rotation] };
    let config = |config_rotation| QuicLb {
        config_rotation,
        server_id_length: 1,
        nonce_length: 4 + rotation,
        key: (config_rotation > 0).then(|| QuicKey::new([config_rotation; 16])),
    };
    QuicConfig { configs: rotations.into_iter().map(config).collect() }
}

fn turn_quic(service: &mut ServiceConfig, base: u8) {
    service.quic = if service.quic.is_some() { None } else { Some(quic(base)) };
    for backend in &mut service.backends {
        // Ids go round among the backends.
        let number: u8 = backend.name.parse().unwrap();
        backend.server_id = service.quic.as_ref().map(|_| vec![(number + base) % 6]);
    }
}

fn happen(config: &mut Config, world: &mut World, event: &Event) {
    let named = |number: &u8| format!("s{number}");
    match event {
        Event::Service(number) => {
            let at = config.services.iter().position(|one| one.name == named(number));
            toggle(&mut config.services, at, || new_service(*number));
        }
        Event::Backend(number, backend) => {
            let Some(service) = find(config, *number) else { return };
            let address = backend_address(service, *backend);
            let quic = service.quic.is_some();
            let at = service.backends.iter().position(|one| one.address == address);
            toggle(&mut service.backends, at, || BackendConfig {
                name: backend.to_string(),
                address,
                weight: 1,
                backup: false,
                state: AdminState::Enabled,
                server_id: quic.then(|| vec![*backend]),
            });
        }
        Event::Set(number, backend, state, weight, backup) => {
            let Some(service) = find(config, *number) else { return };
            for one in &mut service.backends {
                if one.name == backend.to_string() {
                    (one.state, one.weight, one.backup) = (*state, *weight, *backup);
                }
            }
        }
        Event::Health(number, backend) => {
            let name = (named(number), backend.to_string());
            if !world.down.remove(&name) {
                world.down.insert(name);
            }
        }
        Event::Way(backend) => {
            let address = format!("10.0.0.{backend}").parse().unwrap();
            if !world.unknown.remove(&address) {
                world.unknown.insert(address);
            }
        }
        Event::Forward(number, size) => {
            let Some(service) = find(config, *number) else { return };
            service.table_size = *size;
            service.forward =
                if service.forward == Forward::Nat { Forward::Dsr } else { Forward::Nat };
        }
        Event::Quic(number, base) => {
            let Some(service) = find(config, *number) else { return };
            turn_quic(service, *base);
        }
        Event::Firewall(number) => change_firewall(config, *number),
        Event::Restart(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_packet_sees_half_a_change(batches in prop::collection::vec(prop::collection::vec(event(), 1..5), 1..40)) {
        let mut wanted = config("");
        let mut world = World { limits: LIMITS, ..World::default() };
        let mut maps = Maps::new(LIMITS.lookup_slots, LIMITS.backends);
        let (mut image, mut allocation) = (Image::default(), Allocation::default());
        for batch in &batches {
            for event in batch {
                happen(&mut wanted, &mut world, event);
                if let Event::Restart(read) = event {
                    let mut pinned = image.clone();
                    if !read {
                        pinned.tables.clear();
                    }
                    allocation = Allocation::restored(&pinned);
                }
            }
            // Sizes that changed leave gaps; then, and only then, may a table find no room.
            let Ok(plan) = world.build(&wanted, &allocation) else {
                prop_assert!(batches.iter().flatten().any(|one| matches!(one, Event::Forward(..))));
                return Ok(());
            };
            let changes = Changes::between(&image, &plan.image);
            maps.apply(&changes, &plan.image)?;
            prop_assert!(Changes::between(&plan.image, &plan.image).is_empty());
            // Ids stay with what they name.
            for service in &plan.catalog.services {
                for backend in &service.backends {
                    let entry = &plan.image.backends[&backend.id];
                    prop_assert_eq!(entry.service, service.id);
                    if let Some(before) = image.backends.get(&backend.id) {
                        prop_assert_eq!(before.address, entry.address);
                        prop_assert_eq!(before.service, entry.service);
                    }
                }
            }
            image = plan.image;
            allocation = plan.allocation;
        }
    }
}
