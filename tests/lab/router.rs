//! A network with a router, without a daemon: what labs of path MTU and traceroute stand on.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::{Family, LARGE_BYTES, Network, Plan, Routed, addresses, http};

/// The narrow way to the clients, and the narrower one to the backends.
const ROUTED: Routed = Routed { to_clients: 1400, to_backends: Some(1300) };

#[test]
fn hosts_learn_from_the_router_what_fits_and_get_whole_answers() -> Result<()> {
    let network = Network::create(&Plan { routed: Some(ROUTED), ..Plan::new(1, 1) })?;
    let client = network.clients().first().context("no client")?;
    for family in Family::BOTH {
        let backend = addresses::backend(family, 1);
        let url = format!("http://{}/large", SocketAddr::new(backend, 80));
        let answer = http::ask_once(client, &url, Duration::from_secs(5))?.body;
        assert_eq!(answer.len(), LARGE_BYTES, "over {family:?}");
        let refused = ping(&network, &backend.to_string(), 1310)?;
        ensure!(refused.contains("mtu") && refused.contains("1300"), "over {family:?}: {refused}");
    }
    Ok(())
}

/// Two pings of a size, which must not be divided: the first tells the client, the second knows.
fn ping(network: &Network, target: &str, bytes: u32) -> Result<String> {
    let size = (bytes - 8).to_string();
    let client = network.clients().first().context("no client")?;
    let mut ping = client.namespace().command("ping");
    ping.args(["-n", "-c", "2", "-W", "1", "-i", "0.2", "-M", "do", "-s", &size, target]);
    let finished = loadbalancer_tests::run(&mut ping)?;
    Ok(format!("{}{}", finished.stdout, finished.stderr))
}

#[test]
fn traceroute_shows_the_router_and_then_the_host() -> Result<()> {
    let network = Network::create(&Plan { routed: Some(ROUTED), ..Plan::new(1, 1) })?;
    let client = network.clients().first().context("no client")?;
    for family in Family::BOTH {
        let (router, backend) = (addresses::router(family), addresses::backend(family, 1));
        for method in ["--icmp", "--tcp", "--udp"] {
            let target = backend.to_string();
            let words = ["traceroute", "-n", "-w", "1", "-q", "1", "-p", "80", method, &target];
            let report = client.namespace().run(&words)?;
            let hops: Vec<&str> =
                report.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
            assert_eq!(hops, [router.to_string(), target.clone()], "{method}: {report}");
        }
    }
    Ok(())
}
