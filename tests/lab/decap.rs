//! A backend behind a tunnel: real clients, real servers, and `loadbalancer decap` between them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{
    Decap, Encapsulation, Family, Host, LARGE_BYTES, Network, Plan, Tunnel, addresses, http,
    wait_until,
};

use crate::expect::one_clear_error;

/// The clients may send; they are the balancer too.
const ALLOW: [&str; 4] = ["--allow", addresses::CLIENTS_V4, "--allow", addresses::CLIENTS_V6];
/// Longest wait for an answer that has to come.
const ANSWER: Duration = Duration::from_secs(3);
/// Wait for an answer that must not come.
const SILENCE: Duration = Duration::from_secs(1);

#[test]
fn a_backend_answers_clients_directly_over_every_tunnel() -> Result<()> {
    let network = network()?;
    let decap = start(&network)?;
    for encapsulation in [Encapsulation::Ipip, Encapsulation::Gue] {
        for outer in Family::BOTH {
            let tunnel = tunnel(&network, backend(&network)?.address(outer), encapsulation)?;
            for inner in Family::BOTH {
                let kind = kind(encapsulation, inner, outer);
                let (counted, sent) = (decap.packets(&kind)?, tunnel.sent());
                let page = ask(&network, inner, "/", ANSWER).with_context(|| kind.clone())?;
                assert_eq!(page.backend, "web-1", "{kind}");
                let large = ask(&network, inner, "/large", ANSWER).with_context(|| kind.clone())?;
                assert_eq!(large.body.len(), LARGE_BYTES, "{kind}");
                wait_until(ANSWER, "the counters to agree", || {
                    let (counted, sent) = (decap.packets(&kind)? - counted, tunnel.sent() - sent);
                    ensure!(sent > 0 && counted == sent, "{kind}: {sent} sent, {counted} counted");
                    Ok(())
                })?;
            }
        }
    }
    let stats = decap.stats()?;
    let drops = stats.get("drops").and_then(|drops| drops.as_object()).context("no drops")?;
    ensure!(drops.values().all(|count| count == 0), "{stats}");
    Ok(())
}

#[test]
fn a_killed_decap_is_not_missed_the_next_one_adopts_and_detach_ends_it() -> Result<()> {
    let network = network()?;
    let decap = start(&network)?;
    let _tunnel = tunnel(&network, backend(&network)?.address(Family::V4), Encapsulation::Ipip)?;
    let url = url(Family::V4, "/");
    let open = http::open_many(client(&network)?, &url, 2)?;
    let before = decap.packets("ipip_4in4")?;
    decap.kill()?;
    ask(&network, Family::V4, "/", ANSWER)?;
    open.iter().try_for_each(|connection| connection.ask().map(drop))?;
    let while_dead = decap.packets("ipip_4in4")?;
    ensure!(while_dead > before, "{while_dead} packets after {before}");

    decap.start(&ALLOW)?;
    ensure!(decap.packets("ipip_4in4")? >= while_dead, "the counters began anew");
    open.iter().try_for_each(|connection| connection.ask().map(drop))?;
    decap.stop()?;
    ask(&network, Family::V4, "/", ANSWER)?;

    let removed = decap.ask("detach")?.success()?;
    ensure!(removed.contains("the program on eth0 (native)"), "{removed}");
    silence(&network, Family::V4)?;
    let (code, stderr) = decap.ask("stats")?.refusal()?;
    assert_eq!((code, one_clear_error(&stderr)?.contains("is set up in")), (1, true), "{stderr}");
    Ok(())
}

#[test]
fn a_backend_in_generic_mode_answers_too() -> Result<()> {
    let network = network()?;
    let decap = start(&network)?;
    decap.stop()?;
    // The attachment in native mode goes: an interface has one.
    decap.start(&[&ALLOW[..], &["--xdp-mode", "generic"]].concat())?;
    ensure!(decap.stats()?.to_string().contains("generic"), "{}", decap.stats()?);
    for outer in Family::BOTH {
        let end = backend(&network)?.address(outer);
        let _tunnel = tunnel(&network, end, Encapsulation::Ipip)?;
        for inner in Family::BOTH {
            ask(&network, inner, "/large", ANSWER)?;
        }
    }
    Ok(())
}

#[test]
fn a_new_start_replaces_who_may_send_and_where_to() -> Result<()> {
    let network = network()?;
    let decap = start(&network)?;
    let _tunnel = tunnel(&network, backend(&network)?.address(Family::V6), Encapsulation::Gue)?;
    for family in Family::BOTH {
        ask(&network, family, "/", ANSWER)?;
    }
    decap.stop()?;
    decap.start(&["--allow", "2001:db8:1::/120"])?;
    silence(&network, Family::V4)?;
    ensure!(decap.drops("source_not_allowed")? > 0, "{}", decap.stats()?);

    decap.stop()?;
    let vip = addresses::vip(Family::V4, 10).to_string();
    decap.start(&["--allow", addresses::CLIENTS_V6, "--vip", &vip])?;
    ask(&network, Family::V4, "/", ANSWER)?;
    silence(&network, Family::V6)?;
    ensure!(decap.drops("destination_not_allowed")? > 0, "{}", decap.stats()?);
    Ok(())
}

#[test]
fn tunnels_end_at_addresses_that_the_backend_gets_later_and_not_at_those_it_lost() -> Result<()> {
    let network = network()?;
    let _decap = start(&network)?;
    let later: IpAddr = "192.0.2.80".parse()?;
    let backend = backend(&network)?;
    backend.namespace().ip_batch(&format!("addr add {later}/24 dev eth0\n"))?;
    let _tunnel = tunnel(&network, later, Encapsulation::Ipip)?;
    let answered = || ask(&network, Family::V4, "/", SILENCE);
    wait_until(Duration::from_secs(10), "an answer over the new address", answered)?;

    backend.namespace().ip_batch(&format!("addr del {later}/24 dev eth0\n"))?;
    // So that packets still reach the host, which is no longer whom they are for.
    let link = backend.namespace().run(&["ip", "-brief", "link", "show", "dev", "eth0"])?;
    let mac = link.split_whitespace().nth(2).context("no link-layer address")?;
    let neighbour = format!("neigh replace {later} lladdr {mac} dev eth0\n");
    client(&network)?.namespace().ip_batch(&neighbour)?;
    wait_until(Duration::from_secs(10), "silence over the lost address", || {
        silence(&network, Family::V4)
    })
}

#[test]
fn a_second_decap_is_refused_and_the_first_goes_on() -> Result<()> {
    let network = network()?;
    let decap = start(&network)?;
    let _tunnel = tunnel(&network, backend(&network)?.address(Family::V4), Encapsulation::Gue)?;
    let second = decap.cli(&["--interface", "eth0", "--allow", "10.0.0.0/8"])?;
    let (code, stderr) = second.refusal()?;
    assert_eq!(code, 1, "{stderr}");
    one_clear_error(&stderr)?;
    ensure!(stderr.contains("--pin-directory"), "{stderr}");
    ask(&network, Family::V4, "/", ANSWER).map(drop)
}

/// One client and one backend, which has the VIPs on loopback and the strictest `rp_filter`.
fn network() -> Result<Network> {
    let vips = Family::BOTH.map(|family| addresses::vip(family, 10)).to_vec();
    let plan = Plan { local_vips: vips, ..Plan::new(1, 1) };
    let network = Network::create(&plan)?;
    let strict = ["all", "eth0"].map(|device| format!("net/ipv4/conf/{device}/rp_filter"));
    let strict: Vec<_> = strict.iter().map(|setting| (setting.as_str(), "1")).collect();
    backend(&network)?.namespace().set_kernel(&strict)?;
    Ok(network)
}

fn start(network: &Network) -> Result<Decap<'_>> {
    let decap = Decap::new(network.name(), backend(network)?)?;
    decap.start(&ALLOW)?;
    Ok(decap)
}

/// A tunnel from the client, for all VIPs.
fn tunnel(network: &Network, end: IpAddr, encapsulation: Encapsulation) -> Result<Tunnel> {
    let vips = Family::BOTH.map(|family| addresses::vip(family, 10));
    Tunnel::open(client(network)?, end, encapsulation, &vips)
}

fn client(network: &Network) -> Result<&Host> {
    network.clients().first().context("no client")
}

fn backend(network: &Network) -> Result<&Host> {
    Ok(network.backends().first().context("no backend")?.host())
}

fn url(family: Family, path: &str) -> String {
    format!("http://{}{path}", SocketAddr::new(addresses::vip(family, 10), 80))
}

fn ask(network: &Network, family: Family, path: &str, limit: Duration) -> Result<http::Answer> {
    http::ask_once(client(network)?, &url(family, path), limit)
}

fn silence(network: &Network, family: Family) -> Result<()> {
    let answer = ask(network, family, "/", SILENCE);
    ensure!(answer.is_err(), "an answer came: {answer:?}");
    Ok(())
}

/// The name of a tunnel's counters.
fn kind(encapsulation: Encapsulation, inner: Family, outer: Family) -> String {
    let name = match encapsulation {
        Encapsulation::Ipip => "ipip",
        Encapsulation::Gue => "gue",
    };
    let [inner, outer] = [inner, outer].map(|family| if family == Family::V4 { 4 } else { 6 });
    format!("{name}_{inner}in{outer}")
}
