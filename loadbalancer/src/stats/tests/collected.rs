use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Fake, catalog, fake};
use crate::stats::{CpuCounters, InterfaceStatus, Moment, Sampler, Stats, collect, events};

fn collected(source: &Fake, per_cpu: bool) -> Stats {
    let interfaces = vec![InterfaceStatus { name: "eth0".to_owned(), mode: "native".to_owned() }];
    let uptime = Duration::from_millis(12_500);
    let moment = Moment { now: Instant::now(), uptime, interfaces, per_cpu };
    collect(&catalog(), source, &Sampler::default(), moment).unwrap()
}

fn sum(per_cpu: &[CpuCounters]) -> [u64; 4] {
    per_cpu.iter().fold([0; 4], |sum, cpu| {
        [sum[0] + cpu.packets, sum[1] + cpu.bytes, sum[2] + cpu.connections, sum[3] + cpu.queries]
    })
}

#[test]
fn a_service_is_the_sum_of_its_backends() {
    let stats = collected(&fake(), false);
    let web = &stats.services[0];
    assert_eq!([web.packets, web.bytes, web.connections, web.queries], [34, 3_400, 4, 11]);
    assert_eq!(web.backends.iter().map(|backend| backend.packets).sum::<u64>(), web.packets);
    assert_eq!(web.per_cpu, None);
    assert_eq!(web.backends[0].active_connections, 3);
    assert_eq!(web.backends[1].active_connections, 0);
}

#[test]
fn counters_of_the_cpus_add_up_to_the_totals() {
    let stats = collected(&fake(), true);
    let web = &stats.services[0];
    let per_cpu = web.per_cpu.as_ref().unwrap();
    assert_eq!(per_cpu.iter().map(|cpu| cpu.cpu).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(sum(per_cpu), [web.packets, web.bytes, web.connections, web.queries]);
    for backend in &web.backends {
        let totals = [backend.packets, backend.bytes, backend.connections, backend.queries];
        assert_eq!(sum(backend.per_cpu.as_ref().unwrap()), totals, "{}", backend.name);
    }
}

#[test]
fn drops_have_every_reason_and_the_firewalls_sum_of_dropping_rules() {
    let stats = collected(&fake(), false);
    let expected = BTreeMap::from(
        [
            ("malformed", 7),
            ("no_backend", 8),
            ("neighbour_unresolved", 0),
            ("nat_ports_exhausted", 0),
            ("not_translatable", 0),
            ("firewall", 6),
        ]
        .map(|(name, count)| (name.to_owned(), count)),
    );
    // A reason that is new gets its line here without a change of the code.
    for (name, count) in expected {
        assert_eq!(stats.drops.get(&name), Some(&count), "{name}");
    }
    assert_eq!(stats.firewall[1].packets, 50);
}

#[test]
fn events_are_named() {
    let events = events(&fake()).unwrap();
    assert_eq!(events.get("connection_not_kept"), Some(&1));
    assert_eq!(events.get("connection_moved"), Some(&3));
}

#[test]
fn unreadable_counters_are_an_error_that_says_which() {
    let mut source = fake();
    source.backends.remove(&2);
    let interfaces = Vec::new();
    let moment = Moment { now: Instant::now(), uptime: Duration::ZERO, interfaces, per_cpu: false };
    let error = collect(&catalog(), &source, &Sampler::default(), moment).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the counters of backend 2");
}

#[test]
fn json_has_the_documented_keys_in_their_order() {
    let text = serde_json::to_string(&collected(&fake(), false)).unwrap();
    let start = concat!(
        r#"{"uptime_seconds":12.5,"interfaces":[{"name":"eth0","mode":"native"}],"#,
        r#""services":[{"name":"web","address":"192.0.2.10:80","protocol":"tcp","#,
        r#""forward":"nat","algorithm":"maglev","packets":34,"bytes":3400,"connections":4,"#,
        r#""queries":11,"rates":{"packets_per_second":0.0,"bits_per_second":0.0,"#,
        r#""connections_per_second":0.0,"queries_per_second":0.0},"#,
        r#""backends":[{"name":"web-1","address":"10.0.0.11:8080","state":"healthy","#,
        r#""weight":100,"backup":false,"active_connections":3,"packets":30,"bytes":3000,"#,
        r#""connections":3,"queries":11,"rates":{"#,
    );
    assert!(text.starts_with(start), "{text}");
    let rule = r#""firewall":[{"rule":"no-ssh","action":"drop","packets":6,"bytes":360},"#;
    assert!(text.contains(rule), "{text}");
    assert!(text.contains(r#""drops":{"firewall":6,"#), "{text}");
}
