//! Rules on sources: who is dropped, who is not, and what is counted.

use anyhow::{Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, Lab, Rule, Service, addresses, http, stats};

use crate::expect::{answer, silence};

#[test]
fn a_dropped_ipv4_prefix_gets_nothing_through_until_its_rule_is_removed() -> Result<()> {
    dropped_until_removed(Family::V4)
}

#[test]
fn a_dropped_ipv6_prefix_gets_nothing_through_until_its_rule_is_removed() -> Result<()> {
    dropped_until_removed(Family::V6)
}

#[test]
fn a_host_that_an_earlier_rule_passes_is_reached_inside_a_dropped_ipv4_prefix() -> Result<()> {
    passed_inside_a_dropped_prefix(Family::V4)
}

#[test]
fn a_host_that_an_earlier_rule_passes_is_reached_inside_a_dropped_ipv6_prefix() -> Result<()> {
    passed_inside_a_dropped_prefix(Family::V6)
}

#[test]
fn a_rule_that_passes_counts_what_it_passes() -> Result<()> {
    let (lab, url) = lab(Family::V4, vec![rule("seen", two_clients(Family::V4), "pass")])?;
    answer(&lab, 2, &url)?;
    answer(&lab, 1, &url)?;
    ensure!(packets(&lab, "seen")? > 0, "the rule counted nothing");
    Ok(())
}

fn dropped_until_removed(family: Family) -> Result<()> {
    let (lab, url) = lab(family, Vec::new())?;
    let open = http::open_many(lab.client(2)?, &url, 1)?;
    let source = two_clients(family);
    let add = ["firewall", "add", "no-guests", "--source", &source, "--action", "drop"];
    lab.cli(add)?.success()?;

    silence(&lab, 2, &url)?;
    answer(&lab, 1, &url)?;
    ensure!(open.iter().all(|connection| connection.ask().is_err()), "an old connection goes on");
    let dropped = packets(&lab, "no-guests")?;
    ensure!(dropped > 0, "the rule counted nothing");
    answer(&lab, 1, &url)?;
    assert_eq!(packets(&lab, "no-guests")?, dropped, "another client's packets were counted");

    lab.cli(["firewall", "remove", "no-guests"])?.success()?;
    answer(&lab, 2, &url)?;
    Ok(())
}

fn passed_inside_a_dropped_prefix(family: Family) -> Result<()> {
    let friend = format!("{}/{}", addresses::client(family, 3), family.host_prefix());
    let rules =
        vec![rule("friend", friend, "pass"), rule("no-guests", two_clients(family), "drop")];
    let (lab, url) = lab(family, rules)?;
    answer(&lab, 3, &url)?;
    silence(&lab, 2, &url)?;
    answer(&lab, 1, &url)?;
    for name in ["friend", "no-guests"] {
        ensure!(packets(&lab, name)? > 0, "rule {name} counted nothing");
    }
    Ok(())
}

/// Three clients: 2 and 3 are in the prefix `two_clients`, 1 is not.
fn lab(family: Family, rules: Vec<Rule>) -> Result<(Lab, String)> {
    let service = Service::web(family, Forward::Nat, 2);
    let url = service.url();
    let config = Config { rules, ..Config::new([service]) };
    Ok((Lab::with(config).clients(3).start()?, url))
}

/// The prefix that holds the addresses of clients 2 and 3.
fn two_clients(family: Family) -> String {
    format!("{}/{}", addresses::client(family, 2), family.host_prefix() - 1)
}

fn rule(name: &str, source: String, action: &str) -> Rule {
    Rule { name: name.to_owned(), sources: vec![source], action: action.to_owned() }
}

fn packets(lab: &Lab, rule: &str) -> Result<u64> {
    stats::counter(stats::rule(&lab.stats()?, rule)?, "packets")
}
