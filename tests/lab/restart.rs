//! The daemon may die: packets go on, and the next daemon takes over what is pinned.

use std::fs;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, http, stats};
use serde_json::Value;

use crate::expect::{all_answered, answer, one_clear_error, silence};

/// New connections while the daemon is dead.
const NEW: u64 = 300;

#[test]
fn a_killed_daemon_is_not_missed_and_the_next_adopts_nat_connections_and_counters() -> Result<()> {
    killed_and_adopted(Forward::Nat)
}

#[test]
fn a_killed_daemon_is_not_missed_and_the_next_adopts_dsr_connections_and_counters() -> Result<()> {
    killed_and_adopted(Forward::Dsr)
}

#[test]
fn a_stopped_daemon_leaves_the_data_plane_and_detach_removes_it() -> Result<()> {
    let (lab, url) = lab(Forward::Nat)?;
    let status = lab.daemon().stop()?;
    assert_eq!(status.code(), Some(0), "{}", lab.daemon().log()?);
    all_answered(&http::ask_many(lab.client(1)?, &url, 2, NEW)?, NEW)?;
    ensure!(programs_on_eth0(&lab)?, "no program is attached after the daemon's end");

    lab.detach()?;
    ensure!(!programs_on_eth0(&lab)?, "a program is attached after `detach`");
    assert_eq!(pins(&lab)?, Vec::<String>::new());
    silence(&lab, 1, &url)
}

#[test]
fn detach_removes_the_data_plane_under_a_running_daemon() -> Result<()> {
    let (lab, url) = lab(Forward::Nat)?;
    answer(&lab, 1, &url)?;
    lab.detach()?;
    ensure!(!programs_on_eth0(&lab)?, "a program is attached after `detach`");
    silence(&lab, 1, &url)
}

#[test]
fn a_bad_file_at_start_is_refused_and_what_is_pinned_goes_on() -> Result<()> {
    let (lab, url) = lab(Forward::Nat)?;
    lab.daemon().kill()?;
    lab.daemon().write_config_text("[datapath]\ninterfaces = \"eth0\"\n")?;
    let file = lab.daemon().config_path().to_string_lossy().into_owned();
    let (code, stderr) = lab.daemon().behind(&[], &["run", "--config", &file])?.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    let error = stderr.find("error: ").and_then(|at| stderr.get(at..));
    one_clear_error(error.context("no error on stderr")?)?;
    ensure!(stderr.contains("config.toml:2"), "no file and line: {stderr}");
    all_answered(&http::ask_many(lab.client(1)?, &url, 2, NEW)?, NEW)
}

fn killed_and_adopted(forward: Forward) -> Result<()> {
    let (lab, url) = lab(forward)?;
    let open = http::open_many(lab.client(1)?, &url, 6)?;
    let before = lab.stats()?;
    lab.daemon().kill()?;
    all_answered(&http::ask_many(lab.client(1)?, &url, 2, NEW)?, NEW)?;
    open.iter().try_for_each(|connection| connection.ask().map(drop))?;

    lab.daemon().start()?;
    let after = lab.stats()?;
    never_backwards(&before, &after)?;
    let grown = total(&after, "connections")? - total(&before, "connections")?;
    assert_eq!(grown, NEW, "connections that were opened while the daemon was dead");
    open.iter().try_for_each(|connection| connection.ask().map(drop))?;
    all_answered(&http::ask_many(lab.client(1)?, &url, 2, NEW)?, NEW)
}

fn lab(forward: Forward) -> Result<(Lab, String)> {
    let service = Service::web(Family::V4, forward, 3);
    let url = service.url();
    Ok((Lab::with(Config::new([service])).start()?, url))
}

fn total(stats: &Value, counter: &str) -> Result<u64> {
    stats::counter(stats::service(stats, "web")?, counter)
}

/// Fails when a counter of the service or of a backend is smaller after than before.
fn never_backwards(before: &Value, after: &Value) -> Result<()> {
    let (before, after) = (stats::service(before, "web")?, stats::service(after, "web")?);
    let mut pairs = vec![(before, after)];
    for backend in stats::list(before, "backends")? {
        pairs.push((backend, stats::backend(after, &stats::text(backend, "name")?)?));
    }
    for (before, after) in pairs {
        for counter in stats::COUNTERS {
            let (old, new) = (stats::counter(before, counter)?, stats::counter(after, counter)?);
            ensure!(new >= old, "{counter} went from {old} to {new}: {before}, then {after}");
        }
    }
    Ok(())
}

fn programs_on_eth0(lab: &Lab) -> Result<bool> {
    let link = lab.network().balancer().namespace().run(&["ip", "link", "show", "dev", "eth0"])?;
    Ok(link.contains("xdp"))
}

/// Names below the pin directory; none when the directory is gone too.
fn pins(lab: &Lab) -> Result<Vec<String>> {
    let directory = lab.daemon().pin_directory();
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let names =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}
