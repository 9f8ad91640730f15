use serde_json::Value;

use super::run;
use crate::api::fake;

async fn json(command: &str) -> Value {
    let out = run(&format!("--json {command}")).await.out;
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn stats_have_the_documented_keys_and_no_other() {
    let stats = json("stats").await;
    assert_eq!(keys(&stats), ["drops", "firewall", "interfaces", "services", "uptime_seconds"]);
    assert_eq!(keys(&stats["interfaces"][0]), ["mode", "name"]);
    assert_eq!(keys(&stats["firewall"][0]), ["action", "bytes", "packets", "rule"]);
    let service = [
        "address",
        "algorithm",
        "backends",
        "bytes",
        "connections",
        "forward",
        "name",
        "packets",
        "protocol",
        "queries",
        "rates",
    ];
    assert_eq!(keys(&stats["services"][0]), service);
    let backend = [
        "active_connections",
        "address",
        "backup",
        "bytes",
        "connections",
        "name",
        "packets",
        "queries",
        "rates",
        "state",
        "weight",
    ];
    assert_eq!(keys(&stats["services"][0]["backends"][0]), backend);
    let rates =
        ["bits_per_second", "connections_per_second", "packets_per_second", "queries_per_second"];
    assert_eq!(keys(&stats["services"][0]["rates"]), rates);
    assert_eq!(stats["services"][0]["packets"], 1_234_567);
}

#[tokio::test]
async fn the_daemons_answers_come_through_unchanged() {
    assert_eq!(json("stats").await, serde_json::to_value(fake::stats(false)).unwrap());
    assert_eq!(json("stats --per-cpu").await, serde_json::to_value(fake::stats(true)).unwrap());
    assert_eq!(json("status").await, serde_json::to_value(fake::status()).unwrap());
    assert_eq!(json("health").await, serde_json::to_value(fake::health()).unwrap());
}

#[tokio::test]
async fn per_cpu_counters_have_their_keys() {
    let stats = json("stats web --per-cpu").await;
    let expected = ["bytes", "connections", "cpu", "packets", "queries"];
    assert_eq!(keys(&stats["services"][0]["per_cpu"][0]), expected);
    assert_eq!(keys(&stats["services"][0]["backends"][0]["per_cpu"][1]), expected);
    assert_eq!(stats["services"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_have_one_key_that_names_what_they_hold() {
    let services = json("service list").await;
    let service = ["address", "algorithm", "backends", "forward", "name", "protocol"];
    assert_eq!(keys(&services["services"][0]), service);
    assert_eq!(keys(&json("service show web").await), service);
    let backends = json("backend list web").await;
    let backend = ["active_connections", "address", "backup", "name", "service", "state", "weight"];
    assert_eq!(keys(&backends["backends"][2]), backend);
    let firewall = json("firewall list").await;
    assert_eq!(keys(&firewall), ["default", "rules"]);
    assert_eq!(keys(&firewall["rules"][0]), ["action", "bytes", "name", "packets", "source"]);
    let config = json("config show").await;
    assert_eq!(config["service"][0]["name"], "web");
}
