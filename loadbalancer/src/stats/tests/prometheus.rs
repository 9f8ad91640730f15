use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::{catalog, fake};
use crate::stats::{Moment, Sampler, Status, collect, events, metrics_text};

fn scrape() -> String {
    let moment = Moment {
        now: Instant::now(),
        uptime: Duration::from_millis(1_500),
        interfaces: Vec::new(),
        per_cpu: false,
    };
    let stats = collect(&catalog(), &fake(), &Sampler::default(), moment).unwrap();
    let daemon = Status {
        version: "0.1.0".to_owned(),
        pid: 1,
        uptime_seconds: 1.5,
        config: None,
        pin_directory: String::new(),
        interfaces: Vec::new(),
        services: 1,
        backends: BTreeMap::new(),
        firewall_rules: 2,
        events: events(&fake()).unwrap(),
        warnings: Vec::new(),
    };
    metrics_text(stats, daemon)
}

/// Every sample by its name and labels; every family has a type and a help before its samples.
fn parse(text: &str) -> HashMap<&str, f64> {
    let mut samples = HashMap::new();
    let mut kinds: HashMap<&str, &str> = HashMap::new();
    let mut helps: HashMap<&str, &str> = HashMap::new();
    let (text, end) = text.split_at(text.len() - "# EOF\n".len());
    assert_eq!(end, "# EOF\n");
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').unwrap();
            let (family, rest) = rest.split_once(' ').unwrap();
            match keyword {
                "HELP" => assert_eq!(helps.insert(family, rest), None, "{line}"),
                "TYPE" => assert_eq!(kinds.insert(family, rest), None, "{line}"),
                "UNIT" => assert!(family.ends_with(rest), "{line}"),
                keyword => panic!("{keyword} in {line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let family = name.trim_end_matches("_total").trim_end_matches("_info");
        let suffix = match *kinds.get(family).unwrap_or_else(|| panic!("no type: {line}")) {
            "counter" => "_total",
            "info" => "_info",
            "gauge" => "",
            kind => panic!("{kind} in {line}"),
        };
        assert_eq!(name, format!("{family}{suffix}"), "{line}");
        assert!(helps.contains_key(family), "no help: {line}");
        assert!(samples.insert(sample, value.parse().unwrap()).is_none(), "twice: {line}");
    }
    samples
}

#[test]
fn every_documented_metric_is_there_with_its_value() {
    let text = scrape();
    let samples = parse(&text);
    let expected = [
        (r#"backend_packets_total{service="web",backend="web-1"}"#, 30.0),
        (r#"backend_bytes_total{service="web",backend="web-1"}"#, 3_000.0),
        (r#"backend_connections_total{service="web",backend="web-1"}"#, 3.0),
        (r#"backend_queries_total{service="web",backend="web-1"}"#, 11.0),
        (r#"backend_up{service="web",backend="web-1"}"#, 1.0),
        (r#"backend_weight{service="web",backend="web-1"}"#, 100.0),
        (r#"backend_active_connections{service="web",backend="web-1"}"#, 3.0),
        (r#"drops_total{reason="no_backend"}"#, 8.0),
        (r#"drops_total{reason="firewall"}"#, 6.0),
        (r#"firewall_rule_packets_total{rule="no-ssh",action="drop"}"#, 6.0),
        (r#"firewall_rule_bytes_total{rule="office",action="pass"}"#, 3_000.0),
        (r#"events_total{event="connection_moved"}"#, 3.0),
        ("uptime_seconds", 1.5),
        (r#"build_info{version="0.1.0"}"#, 1.0),
    ];
    for (sample, value) in expected {
        let sample = format!("loadbalancer_{sample}");
        assert_eq!(samples.get(sample.as_str()), Some(&value), "{sample} in\n{text}");
    }
}

#[test]
fn quotes_in_names_are_escaped_and_draining_is_not_up() {
    let text = scrape();
    let line = r#"loadbalancer_backend_up{service="web",backend="web \"2\""} 0"#;
    assert!(text.lines().any(|found| found == line), "{text}");
}
