//! Refusals: one clear error, the right exit code, and what runs goes on.

use std::fs;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Service};

use crate::expect::{answer, one_clear_error};

fn lab() -> Result<(Lab, String)> {
    let service = Service::web(Family::V4, Forward::Nat, 2);
    let url = service.url();
    Ok((Lab::with(Config::new([service])).start()?, url))
}

#[test]
fn a_misspelt_key_is_refused_with_file_line_and_remedy() -> Result<()> {
    let (lab, url) = lab()?;
    let good = fs::read_to_string(lab.daemon().config_path())?;
    let line = good.lines().position(|line| line.starts_with("algorithm"));
    let line = line.context("no algorithm in the file")? + 1;
    let file = lab.network().name().directory().join("misspelt.toml");
    fs::write(&file, good.replace("algorithm", "algoritm"))?;
    let file = file.to_string_lossy();

    let (code, stderr) = lab.daemon().behind(&[], &["config", "check", &file])?.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    one_clear_error(&stderr)?;
    for part in [&format!("misspelt.toml:{line}"), "algoritm", "algorithm"] {
        ensure!(stderr.contains(part), "no {part} in: {stderr}");
    }
    answer(&lab, 1, &url).map(drop)
}

#[test]
fn a_good_file_is_accepted_by_config_check() -> Result<()> {
    let (lab, _) = lab()?;
    let file = lab.daemon().config_path().to_string_lossy();
    lab.daemon().behind(&[], &["config", "check", &file])?.success().map(drop)
}

#[test]
fn an_interface_with_another_program_is_refused_and_keeps_its_program() -> Result<()> {
    let (lab, url) = lab()?;
    let file = second_config(&lab)?;
    let (code, stderr) = lab.daemon().behind(&[], &["run", "--config", &file])?.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    refused_to_run(&stderr, "eth0")?;
    lab.daemon().ensure_alive()?;
    answer(&lab, 1, &url).map(drop)
}

#[test]
fn missing_capabilities_are_named() -> Result<()> {
    let (lab, url) = lab()?;
    let file = second_config(&lab)?;
    let powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let (code, stderr) = lab.daemon().behind(&powerless, &["run", "--config", &file])?.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    refused_to_run(&stderr, "CAP_BPF")?;
    lab.daemon().ensure_alive()?;
    answer(&lab, 1, &url).map(drop)
}

#[test]
fn a_missing_interface_is_named() -> Result<()> {
    let (lab, url) = lab()?;
    let file = second_config(&lab)?;
    let text = fs::read_to_string(&file)?.replace("\"eth0\"", "\"eth7\"");
    fs::write(&file, text)?;
    let (code, stderr) = lab.daemon().behind(&[], &["run", "--config", &file])?.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    refused_to_run(&stderr, "eth7")?;
    answer(&lab, 1, &url).map(drop)
}

#[test]
fn commands_that_name_what_does_not_exist_are_refused_and_change_nothing() -> Result<()> {
    let (lab, url) = lab()?;
    let before = fs::read_to_string(lab.daemon().config_path())?;
    let refusals: [(&[&str], &str); 5] = [
        (&["backend", "add", "web", "300.1.1.1:80"], "300.1.1.1"),
        (&["backend", "add", "shop", "192.0.2.11:80"], "shop"),
        (&["backend", "drain", "web", "web-9"], "web-9"),
        (&["service", "remove", "shop"], "shop"),
        (&["firewall", "remove", "no-such-rule"], "no-such-rule"),
    ];
    for (command, culprit) in refusals {
        let (code, stderr) = lab.cli(command)?.refusal()?;
        // An address that cannot be one may also be told apart while the command line is read.
        ensure!(code == 1 || (code == 2 && culprit == "300.1.1.1"), "{command:?}: {code}");
        if code == 1 {
            one_clear_error(&stderr).with_context(|| format!("{command:?}"))?;
        }
        ensure!(stderr.contains(culprit), "{command:?} is refused without {culprit}: {stderr}");
    }
    assert_eq!(fs::read_to_string(lab.daemon().config_path())?, before);
    answer(&lab, 1, &url).map(drop)
}

#[test]
fn wrong_usage_is_told_apart_from_a_refusal() -> Result<()> {
    let (lab, _) = lab()?;
    for command in [&["backend", "add"][..], &["no-such-noun"], &["stats", "--no-such-option"]] {
        let (code, stderr) = lab.cli(command)?.refusal()?;
        assert_eq!(code, 2, "{command:?}: {stderr}");
        ensure!(stderr.starts_with("error: "), "{stderr}");
    }
    Ok(())
}

#[test]
fn a_daemon_that_does_not_answer_has_an_exit_code_of_its_own() -> Result<()> {
    let (lab, _) = lab()?;
    lab.daemon().kill()?;
    for command in [["status"], ["stats"], ["health"]] {
        let (code, stderr) = lab.cli(command)?.refusal()?;
        assert_eq!(code, 3, "{command:?}: {stderr}");
        one_clear_error(&stderr)?;
    }
    Ok(())
}

/// A config file for a second daemon beside the lab's: other socket, pins and listener.
fn second_config(lab: &Lab) -> Result<String> {
    let directory = lab.network().name().directory();
    let pins = lab.network().name().pin_directory();
    let pins = format!("{}-second", pins.display());
    let config = Config::new([Service::web(Family::V4, Forward::Nat, 2)]);
    let text = config.to_toml(&directory.join("second.sock"), pins.as_ref());
    let file = directory.join("second.toml");
    fs::write(&file, text.replace("127.0.0.1:9117", "127.0.0.1:9118"))?;
    Ok(file.to_string_lossy().into_owned())
}

/// Fails unless log lines of a daemon end with one clear error that names the culprit.
fn refused_to_run(stderr: &str, culprit: &str) -> Result<()> {
    let error = stderr.find("error: ").and_then(|at| stderr.get(at..));
    one_clear_error(error.with_context(|| format!("no error: {stderr}"))?)?;
    ensure!(stderr.contains(culprit), "no {culprit} in: {stderr}");
    Ok(())
}
