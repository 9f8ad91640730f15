//! Whole answers, in every mode: full-size frames pass with their checksums right.

use anyhow::{Result, ensure};
use loadbalancer_tests::{Config, Family, Forward, LARGE_BYTES, Lab, Service, stats};

use crate::expect::answer;

#[test]
fn a_mebibyte_arrives_whole_through_nat() -> Result<()> {
    a_mebibyte_arrives(Forward::Nat, "native")
}

#[test]
fn a_mebibyte_arrives_whole_through_dsr() -> Result<()> {
    a_mebibyte_arrives(Forward::Dsr, "native")
}

#[test]
fn a_mebibyte_arrives_whole_through_nat_in_generic_mode() -> Result<()> {
    a_mebibyte_arrives(Forward::Nat, "generic")
}

#[test]
fn a_mebibyte_arrives_whole_through_dsr_in_generic_mode() -> Result<()> {
    a_mebibyte_arrives(Forward::Dsr, "generic")
}

fn a_mebibyte_arrives(forward: Forward, mode: &str) -> Result<()> {
    for family in Family::BOTH {
        let service = Service::web(family, forward, 3);
        let url = service.url() + "large";
        let config = Config { xdp_mode: mode.to_owned(), ..Config::new([service]) };
        let lab = Lab::with(config).start()?;
        for _ in 0..6 {
            let body = answer(&lab, 1, &url)?.body;
            assert_eq!(body.len(), LARGE_BYTES);
            ensure!(body.bytes().all(|byte| byte == b'x'), "the body was changed on its way");
        }
        let stats = lab.stats()?;
        let interfaces = stats::list(&stats, "interfaces")?;
        let modes: Result<Vec<String>> =
            interfaces.iter().map(|interface| stats::text(interface, "mode")).collect();
        assert_eq!(modes?, [mode]);
    }
    Ok(())
}
