//! Bulk data through a VIP with iperf3: no black hole, no storm of retransmissions.

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Config, ETHERNET_MTU, Family, Forward, Lab, Service};
use serde_json::Value;

use crate::modes::{for_both_families, in_every_mode};

/// Bytes of one transfer.
const BYTES: u64 = 200_000_000;

/// Less than this is a black hole with retransmissions in between, whatever machine it is.
const FLOOR_BITS_PER_SECOND: u64 = 100_000_000;

/// One segment in so many may be sent again: a full queue loses some, a path that loses a kind of
/// packet makes a storm.
const STORM: u64 = 50;

/// The links of a storage or cluster network.
const JUMBO_MTU: u32 = 9000;

#[test]
fn large_transfers_in_both_directions_are_not_held_up() -> Result<()> {
    in_every_mode(|forward| transfers_pass(forward, ETHERNET_MTU, "native"))
}

#[test]
fn large_transfers_in_both_directions_are_not_held_up_in_jumbo_frames() -> Result<()> {
    in_every_mode(|forward| transfers_pass(forward, JUMBO_MTU, "auto"))
}

/// Transfers in both directions and families, one after the other.
fn transfers_pass(forward: Forward, mtu: u32, xdp_mode: &str) -> Result<()> {
    let services =
        Family::BOTH.map(|family| Service::iperf(family, forward).named(name_of(family)));
    let config = Config { xdp_mode: xdp_mode.to_owned(), ..Config::new(services) };
    let lab = Lab::with(config).mtu(mtu).start()?;
    for_both_families(|family| {
        for direction in [None, Some("--reverse")] {
            let report = transfer(&lab, family, direction)?;
            is_not_held_up(&report, mtu).with_context(|| format!("{direction:?}: {report}"))?;
        }
        Ok(())
    })
}

/// iperf3's report on one transfer, from the client unless in reverse.
fn transfer(lab: &Lab, family: Family, direction: Option<&str>) -> Result<Value> {
    let vip = Service::iperf(family, Forward::Nat).address;
    let (host, port, bytes) = (vip.ip().to_string(), vip.port().to_string(), BYTES.to_string());
    let mut words = vec!["timeout", "--signal=KILL", "60", "iperf3", "--json"];
    words.extend(["--client", &host, "--port", &port, "--bytes", &bytes]);
    words.extend(direction);
    let report = lab.client(1)?.namespace().run(&words)?;
    Ok(serde_json::from_str(&report)?)
}

fn is_not_held_up(report: &Value, mtu: u32) -> Result<()> {
    let sent = number(report, "/end/sum_sent/bytes")?;
    let received = number(report, "/end/sum_received/bytes")?;
    // The receiver counts until the sender says that it is done, with a window on its way.
    ensure!(sent >= BYTES && 10 * received >= 9 * sent, "{received} of {sent} bytes arrived");
    let speed = number(report, "/end/sum_received/bits_per_second")?;
    ensure!(speed > FLOOR_BITS_PER_SECOND, "{speed} bits per second");
    let again = number(report, "/end/sum_sent/retransmits")?;
    let segments = BYTES / u64::from(mtu);
    ensure!(again <= segments / STORM, "{again} retransmissions for {segments} segments");
    Ok(())
}

/// A number of a report, without its fraction.
fn number(report: &Value, pointer: &str) -> Result<u64> {
    let value = report.pointer(pointer).and_then(Value::as_f64);
    let value = value.with_context(|| format!("no {pointer}"))?;
    format!("{value:.0}").parse().with_context(|| format!("{pointer} is {value}"))
}

fn name_of(family: Family) -> &'static str {
    match family {
        Family::V4 => "iperf-4",
        Family::V6 => "iperf-6",
    }
}
