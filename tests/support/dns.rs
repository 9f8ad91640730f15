//! DNS queries with `dig`, each from a new source port.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;

use anyhow::{Context, Result};

use crate::addresses::DNS_ZONE;
use crate::lab::Lab;
use crate::tally::Tally;

/// Asks the DNS servers behind `vip` for `queries` names, from the lab's first client.
///
/// A query that got no answer within a second, or that a stranger answered, is a failure.
pub fn ask_many(lab: &Lab, vip: IpAddr, queries: u64) -> Result<Tally> {
    let names = lab.network().name().directory().join("names");
    fs::write(&names, name_list(queries)?)
        .with_context(|| format!("cannot write {}", names.display()))?;
    let mut dig = lab.client(1)?.namespace().command("dig");
    dig.arg(format!("@{vip}")).args(["+short", "+tries=1", "+time=1", "-f"]).arg(&names);
    // Its exit code is that of the last query, and every query is counted below.
    let finished = crate::run(&mut dig)?;
    let mut tally = Tally::default();
    // `dig` says of each lost query why, and then that it gave up.
    let lines = finished.stdout.lines().filter(|line| !line.starts_with(";; no servers"));
    for line in lines {
        let address = line.parse::<IpAddr>().ok();
        let backend = address.and_then(|address| lab.backend_at(address));
        tally.add(backend.map(ToOwned::to_owned).ok_or_else(|| line.to_owned()));
    }
    Ok(tally)
}

fn name_list(queries: u64) -> Result<String> {
    let mut names = String::new();
    for number in 0..queries {
        writeln!(names, "host-{number}.{DNS_ZONE} A").context("a String takes all")?;
    }
    Ok(names)
}
