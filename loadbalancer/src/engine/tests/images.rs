//! Single images: states, flags, addresses, ids, limits.

use std::collections::{BTreeMap, HashSet};

use loadbalancer_common::{Backend, BackendFlags, Be16, MacWord, PrefixRule, Service, ServiceKey};

use super::{World, config, first, service};
use crate::{
    config::{AdminState, Limits},
    engine::{Allocation, Changes, Features, Image, Plan, state},
    stats::BackendState,
};

const ONE: &str = "{ address = \"10.0.0.1\" }";
const TWO: &str = "{ address = \"10.0.0.2\" }";

fn flags(plan: &Plan, address: &str) -> u8 {
    let backends = plan.catalog.services.iter().flat_map(|service| &service.backends);
    let id = backends.clone().find(|one| one.name == address).unwrap().id;
    plan.image.backends[&id].flags.0
}

/// The names of the backends in the first service's table.
fn serving(plan: &Plan) -> Vec<String> {
    let ids: HashSet<u32> =
        plan.image.tables.values().flat_map(|table| table.iter().copied()).collect();
    let backends = plan.catalog.services[0].backends.iter();
    backends.filter(|one| ids.contains(&one.id)).map(|one| one.name.clone()).collect()
}

#[test]
fn entries_hold_what_forwarding_needs() {
    let text = service("web", "192.0.2.10:80", &["{ address = \"10.0.0.1:8080\" }"])
        + &service("all", "[2001:db8::10]:0", &["{ address = \"2001:db8::11\" }"])
            .replace("table_size", "protocol = \"udp\"\nforward = \"dsr\"\ntable_size");
    let plan = first(&config(&text));
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[10, 0, 0, 1]);
    let mut nat_address = [0; 16];
    nat_address[..4].copy_from_slice(&[192, 0, 2, 1]);
    let expected = Backend {
        address,
        nat_address,
        service: 1,
        ifindex: 2,
        next_hop: MacWord::new([2, 0, 0, 0, 0, 2]),
        source_mac: MacWord::new([2, 0, 0, 0, 0, 1]),
        port: Be16::new(8_080),
        flags: BackendFlags(7),
        family: 4,
        ..Backend::UNUSED
    };
    assert_eq!(plan.image.backends[&1], expected);
    let v6 = plan.image.backends[&2];
    assert_eq!((v6.family, v6.port, v6.service), (6, Be16::ZERO, 2));
    assert_eq!(v6.nat_address[..4], [0x20, 1, 0xd, 0xb8]);
    let key = ServiceKey { vip: [192, 0, 2, 10], port: Be16::new(80), protocol: 6, zero: 0 };
    let value =
        Service { id: 1, table_offset: 0, table_size: 7, forward: 0, quic: 0, zero: [0; 2] };
    assert_eq!(plan.image.services_v4[&key], value);
    let (key, value) = plan.image.services_v6.first_key_value().unwrap();
    assert_eq!((key.port, key.protocol, value.forward), (Be16::ZERO, 17, 1));
    assert_eq!(&*plan.image.tables[&0], [1; 7]);
    let features =
        Features { nat_port_first: 40_000, nat_port_count: 20_000, ..Features::default() };
    assert_eq!(plan.image.features, features);
}

#[test]
fn a_configured_address_is_the_source_of_translated_packets() {
    let text = format!(
        "[nat]\naddresses = [\"2001:db8::99\", \"203.0.113.9\"]\n{}",
        service("web", "192.0.2.10:80", &[ONE])
    );
    assert_eq!(first(&config(&text)).image.backends[&1].nat_address[..4], [203, 0, 113, 9]);
}

#[test]
fn without_translation_there_are_no_ports() {
    let text = service("web", "192.0.2.10:80", &[]).replace("table", "forward = \"dsr\"\ntable");
    let plan = first(&config(&text));
    assert_eq!(plan.image.features, Features::default());
    let value = plan.image.services_v4.values().next().unwrap();
    assert_eq!((value.table_offset, value.table_size), (0, 0));
    assert!(plan.image.tables.is_empty());
}

#[test]
fn flags_follow_the_state() {
    let with = |settings: &str| format!("{{ address = \"10.0.0.1\"{settings} }}");
    let build = |settings: &str, world: &World| {
        let config = config(&service("web", "192.0.2.10:80", &[&with(settings), TWO]));
        let plan = world.build(&config, &Allocation::default()).unwrap();
        (flags(&plan, "10.0.0.1"), serving(&plan).len())
    };
    let (new, alive, reachable, disabled) = (1, 2, 4, 8);
    let up = World::default();
    let down = World::default().down("web", "10.0.0.1");
    let unknown = World::default().unknown("10.0.0.1");
    assert_eq!(build("", &up), (new | alive | reachable, 2));
    assert_eq!(build("", &down), (reachable, 1));
    assert_eq!(build("", &unknown), (new | alive, 1));
    assert_eq!(build(", weight = 0", &up), (alive | reachable, 1));
    assert_eq!(build(", state = \"draining\"", &up), (alive | reachable, 1));
    assert_eq!(build(", state = \"draining\"", &down), (alive | reachable, 1));
    assert_eq!(build(", state = \"disabled\"", &up), (disabled, 1));
}

#[test]
fn the_operator_decides_before_the_checks() {
    let healthy = [AdminState::Enabled, AdminState::Draining, AdminState::Disabled];
    let states = healthy.map(|wanted| (state(wanted, true), state(wanted, false)));
    let expected = [
        (BackendState::Healthy, BackendState::Unhealthy),
        (BackendState::Draining, BackendState::Draining),
        (BackendState::Disabled, BackendState::Disabled),
    ];
    assert_eq!(states, expected);
}

#[test]
fn services_without_checks_have_healthy_backends() {
    let text =
        service("web", "192.0.2.10:80", &[ONE]).replace("table", "protocol = \"udp\"\ntable");
    let world = World::default().down("web", "10.0.0.1");
    assert_eq!(serving(&world.build(&config(&text), &Allocation::default()).unwrap()).len(), 1);
}

#[test]
fn backups_serve_while_too_few_others_do() {
    let backends = [ONE, TWO, "{ address = \"10.0.0.3\", backup = true }"];
    let text =
        service("web", "192.0.2.10:80", &backends).replace("table", "min_healthy = 2\ntable");
    let config = config(&text);
    let build = |world: World| world.build(&config, &Allocation::default()).unwrap();
    let plan = build(World::default());
    assert_eq!(serving(&plan), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(flags(&plan, "10.0.0.3"), 6, "on standby it keeps its flows and gets no new ones");
    assert_eq!(serving(&build(World::default().down("web", "10.0.0.1"))), ["10.0.0.2", "10.0.0.3"]);
    assert_eq!(serving(&build(World::default().unknown("10.0.0.2"))), ["10.0.0.1", "10.0.0.3"]);
}

#[test]
fn prefixes_lead_to_rules_and_the_default_is_one() {
    let rules = "[firewall]\ndefault = \"drop\"\n[[firewall.rule]]\nname = \"office\"\n\
                 source = [\"198.51.100.0/24\", \"::/0\"]\naction = \"pass\"\n";
    let plan = first(&config(rules));
    let (pass, drop) = (PrefixRule { rule: 1, action: 0 }, PrefixRule { rule: 2, action: 1 });
    let v4: Vec<_> = plan.image.prefixes_v4.into_iter().collect();
    assert_eq!(v4, [((0, [0; 4]), drop), ((24, [198, 51, 100, 0]), pass)]);
    let v6: Vec<_> = plan.image.prefixes_v6.into_iter().collect();
    assert_eq!(v6, [((0, [0; 16]), pass)]);
    assert!(plan.image.features.firewall);
    let names: Vec<_> =
        plan.catalog.rules.iter().map(|rule| (rule.id, rule.name.as_str())).collect();
    assert_eq!(names, [(1, "office"), (2, "default")]);
}

fn ids(plan: &Plan) -> Vec<(u32, Vec<u32>)> {
    let services = plan.catalog.services.iter();
    services.map(|one| (one.id, one.backends.iter().map(|one| one.id).collect())).collect()
}

#[test]
fn ids_and_tables_survive_reloads_and_restarts() {
    let before = service("a", "192.0.2.1:80", &[ONE, TWO]) + &service("b", "192.0.2.2:80", &[ONE]);
    let rule = |name: &str| {
        format!(
            "[[firewall.rule]]\nname = \"{name}\"\nsource = [\"{name}.0.0.0/8\"]\naction = \"drop\"\n"
        )
    };
    let old = first(&config(&(before.clone() + &rule("8") + &rule("9"))));
    let after = service("c", "192.0.2.3:80", &[TWO])
        + &service("renamed", "192.0.2.2:80", &[TWO, ONE])
        + &rule("9");
    let after = config(&after);
    for previous in [old.allocation.clone(), Allocation::restored(&old.image)] {
        let plan = World::default().build(&after, &previous).unwrap();
        assert_eq!(ids(&plan), [(3, vec![4]), (2, vec![5, 3])]);
        assert_eq!(plan.catalog.rules[0].id, 2);
        // The same configuration again: the same image, even without what tables were built from.
        let same = World::default().build(&after, &Allocation::restored(&plan.image)).unwrap();
        assert_eq!(same.image, plan.image);
        assert!(Changes::between(&plan.image, &same.image).is_empty());
    }
}

#[test]
fn unread_tables_are_built_elsewhere() {
    let config = config(&service("a", "192.0.2.1:80", &[ONE]));
    let old = first(&config).image;
    let unread = Image { tables: BTreeMap::default(), ..old.clone() };
    let plan = World::default().build(&config, &Allocation::restored(&unread)).unwrap();
    let offset = *plan.image.tables.keys().next().unwrap();
    assert!(offset >= 7, "{offset}");
    assert_eq!(plan.image.backends, old.backends);
}

#[test]
fn what_does_not_fit_the_maps_is_refused() {
    let text = service("a", "192.0.2.1:80", &[ONE, TWO])
        + &service("b", "192.0.2.2:80", &[ONE])
        + "[[firewall.rule]]\nname = \"x\"\nsource = [\"8.0.0.0/8\", \"9.0.0.0/8\"]\naction = \"drop\"\n\
           [[firewall.rule]]\nname = \"y\"\nsource = [\"7.0.0.0/8\"]\naction = \"drop\"\n\
           [[firewall.rule]]\nname = \"z\"\nsource = [\"6.0.0.0/8\"]\naction = \"drop\"\n";
    let config = config(&text);
    let full = Limits::default();
    let cases = [
        (
            Limits { services: 1, ..full },
            "there is no room for service b: the maps hold 1",
            "services",
        ),
        (
            Limits { backends: 2, ..full },
            "there is no room for backend 10.0.0.1:80: the maps hold 2",
            "backends",
        ),
        (
            Limits { lookup_slots: 13, ..full },
            "there is no room for the lookup table of service b: no 7 free slots in a row, of 13",
            "lookup_slots",
        ),
        (Limits { rules: 1, ..full }, "there is no room for rule z: the maps hold 1", "rules"),
        (
            Limits { prefixes: 3, ..full },
            "there is no room for prefix number 4 of its family: the maps hold 3",
            "prefixes",
        ),
    ];
    for (limits, message, key) in cases {
        let world = World { limits, ..World::default() };
        let error = world.build(&config, &Allocation::default()).unwrap_err();
        assert_eq!(error.to_string(), message);
        let hint = format!(
            "raise `{key}` in [datapath.limits]; limits take effect when the maps are created: \
             after `loadbalancer detach`, at the next `loadbalancer run`"
        );
        assert_eq!(error.hint(), hint);
    }
}

#[test]
fn changes_are_counted_in_words() {
    let empty = Image::default();
    assert_eq!(Changes::between(&empty, &empty).to_string(), "nothing");
    let image = first(&config(&service("a", "192.0.2.1:80", &[ONE, TWO]))).image;
    let added = Changes::between(&empty, &image);
    assert_eq!(added.new_backends, [1, 2]);
    let text = "1 tables written, 2 backends set, 1 services set, 1 program replacements";
    assert_eq!(added.to_string(), text);
    let removed = Changes::between(&image, &empty).to_string();
    assert_eq!(removed, "1 services removed, 2 backends removed, 1 program replacements");
}
