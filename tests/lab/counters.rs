//! The views of the counters agree with each other.

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, http, stats};
use serde_json::Value;

#[test]
fn the_counters_of_all_cpus_add_up_to_the_totals() -> Result<()> {
    let service = Service::web(Family::V4, Forward::Nat, 3);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    let tally = http::ask_many(lab.client(1)?, &url, 4, 600)?;
    crate::expect::all_answered(&tally, 600)?;
    let stats = lab.daemon().json(["stats", "--per-cpu"])?;
    let web = stats::service(&stats, "web")?;
    let backends = stats::list(web, "backends")?;
    for counter in stats::COUNTERS {
        let total = stats::counter(web, counter)?;
        ensure!(total > 0, "{counter} stayed 0 during 600 requests");
        let of_backends: u64 = sum(backends, counter)?;
        assert_eq!(of_backends, total, "{counter} of the backends, and of the service");
        for entry in backends.iter().chain([web]) {
            let of_cpus = sum(stats::list(entry, "per_cpu")?, counter)?;
            assert_eq!(of_cpus, stats::counter(entry, counter)?, "{counter} of {entry}");
        }
    }
    Ok(())
}

#[test]
fn the_metrics_page_and_stats_tell_the_same_number_of_connections() -> Result<()> {
    let service = Service::web(Family::V4, Forward::Dsr, 2);
    let url = service.url();
    let lab = Lab::with(Config::new([service])).start()?;
    crate::expect::all_answered(&http::ask_many(lab.client(1)?, &url, 2, 100)?, 100)?;
    let page = lab.network().balancer().namespace().run(&[
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--noproxy",
        "*",
        "--max-time",
        "5",
        "http://127.0.0.1:9117/metrics",
    ])?;
    let connections = page.lines().filter(|line| {
        line.starts_with("loadbalancer_backend_connections") && line.contains("service=\"web\"")
    });
    let values = connections.map(|line| {
        let value = line.split_whitespace().last().context("an empty line")?;
        value.parse::<u64>().with_context(|| format!("no number in {line}"))
    });
    assert_eq!(values.collect::<Result<Vec<_>>>()?.iter().sum::<u64>(), 100, "{page}");
    Ok(())
}

fn sum(entries: &[Value], counter: &str) -> Result<u64> {
    entries.iter().map(|entry| stats::counter(entry, counter)).sum()
}
