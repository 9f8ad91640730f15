//! A changed file is applied whole, by command or by signal; a bad one changes nothing.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service, http, stats, wait_until};
use nix::sys::signal::Signal;

use crate::expect::{all_answered, one_clear_error};

/// Longest wait for a reload to show.
const LIMIT: Duration = Duration::from_secs(10);

/// New connections after a reload.
const NEW: u64 = 300;

#[test]
fn reload_adds_a_backend_and_leaves_open_connections_alone() -> Result<()> {
    adds_a_backend(|lab| lab.cli(["reload"])?.success().map(drop))
}

#[test]
fn sighup_adds_a_backend_and_leaves_open_connections_alone() -> Result<()> {
    adds_a_backend(|lab| lab.daemon().signal(Signal::SIGHUP))
}

#[test]
fn a_bad_file_is_refused_by_reload_and_changes_nothing() -> Result<()> {
    let (lab, url) = lab_of_two()?;
    let line = misspell_the_weight_of_a_new_backend(&lab)?;
    let (code, stderr) = lab.cli(["reload"])?.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    one_clear_error(&stderr)?;
    ensure!(stderr.contains(&format!("config.toml:{line}")), "no file and line: {stderr}");
    ensure!(stderr.contains("weigth"), "not what is wrong: {stderr}");
    changed_nothing(&lab, &url)
}

#[test]
fn a_bad_file_is_logged_on_sighup_and_changes_nothing() -> Result<()> {
    let (lab, url) = lab_of_two()?;
    misspell_the_weight_of_a_new_backend(&lab)?;
    lab.daemon().signal(Signal::SIGHUP)?;
    wait_until(LIMIT, "the refusal in the log", || {
        let log = lab.daemon().log()?;
        ensure!(log.contains("weigth"), "{log}");
        Ok(())
    })?;
    changed_nothing(&lab, &url)
}

#[test]
fn a_backend_added_by_command_serves_and_is_in_the_file() -> Result<()> {
    let (lab, url) = lab_of_two()?;
    let entry = all_three().backends.pop().context("no backend")?;
    let address = entry.address.to_string();
    let add = ["backend", "add", "web", &address, "--name", &entry.name, "--weight", "100"];
    lab.cli(add)?.success()?;
    lab.wait_for_state("web-3", "healthy", LIMIT)?;
    let tally = http::ask_many(lab.client(1)?, &url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-3") > 0, "{:?}", tally.answers);
    let file = fs::read_to_string(lab.daemon().config_path())?;
    ensure!(file.contains(&address), "{file}");
    lab.cli(["reload"])?.success()?;
    assert_eq!(backends(&lab)?, ["web-1", "web-2", "web-3"]);
    Ok(())
}

fn adds_a_backend(apply: impl Fn(&Lab) -> Result<()>) -> Result<()> {
    let (lab, url) = lab_of_two()?;
    let open = http::open_many(lab.client(1)?, &url, 6)?;
    lab.daemon().write_config(&Config::new([all_three()]))?;
    apply(&lab)?;
    lab.wait_for_state("web-3", "healthy", LIMIT)?;
    let tally = http::ask_many(lab.client(1)?, &url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-3") > 0, "{:?}", tally.answers);
    open.iter().try_for_each(|connection| connection.ask().map(drop))
}

fn all_three() -> Service {
    Service::web(Family::V4, Forward::Nat, 3)
}

/// Three backends run; the first two are configured.
fn lab_of_two() -> Result<(Lab, String)> {
    let service = Service::web(Family::V4, Forward::Nat, 2);
    let url = service.url();
    Ok((Lab::with(Config::new([service])).backends(3).start()?, url))
}

/// Writes a file with a third backend and one misspelt key; returns the key's line.
fn misspell_the_weight_of_a_new_backend(lab: &Lab) -> Result<usize> {
    lab.daemon().write_config(&Config::new([all_three()]))?;
    let text = fs::read_to_string(lab.daemon().config_path())?;
    let (good, bad) = text.rsplit_once("weight").context("no weight in the file")?;
    lab.daemon().write_config_text(&format!("{good}weigth{bad}"))?;
    Ok(good.lines().count() + 1)
}

fn changed_nothing(lab: &Lab, url: &str) -> Result<()> {
    lab.daemon().ensure_alive()?;
    assert_eq!(backends(lab)?, ["web-1", "web-2"]);
    let tally = http::ask_many(lab.client(1)?, url, 2, NEW)?;
    all_answered(&tally, NEW)?;
    ensure!(tally.of("web-3") == 0, "{:?}", tally.answers);
    Ok(())
}

fn backends(lab: &Lab) -> Result<Vec<String>> {
    let stats = lab.stats()?;
    let backends = stats::list(stats::service(&stats, "web")?, "backends")?;
    backends.iter().map(|backend| stats::text(backend, "name")).collect()
}
