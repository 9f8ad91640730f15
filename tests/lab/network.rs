//! The lab itself, without a daemon: what the other subjects stand on.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use loadbalancer_tests::http;
use loadbalancer_tests::{
    Family, Host, LARGE_BYTES, LabName, Namespace, Network, Plan, Process, Program, WEB_PORT,
    addresses, leftovers, run, wait_until,
};

fn plan(clients: u8, backends: u8) -> Plan {
    Plan { programs: vec![Program::Dns], ..Plan::new(clients, backends) }
}

fn url(family: Family, port: u16, path: &str) -> String {
    format!("http://{}{path}", SocketAddr::new(addresses::backend(family, 1), port))
}

#[test]
fn a_web_server_says_over_either_family_and_port_who_it_is() {
    let network = Network::create(&plan(1, 1)).unwrap();
    for family in Family::BOTH {
        for port in [80, WEB_PORT] {
            let url = url(family, port, "/");
            let tally = http::ask_many(&network.clients()[0], &url, 2, 100).unwrap();
            assert_eq!((tally.of("web-1"), tally.failed), (100, 0), "{:?}", tally.failures);
        }
    }
}

#[test]
fn an_open_connection_notices_when_it_is_replaced() {
    let network = Network::create(&plan(1, 1)).unwrap();
    let url = url(Family::V4, 80, "/large");
    let open = http::open_many(&network.clients()[0], &url, 2).unwrap();
    assert_ne!(open[0].ask().unwrap().connection, open[1].ask().unwrap().connection);
    assert_eq!(open[0].ask().unwrap().body.len(), LARGE_BYTES);
    network.backends()[0].kill().unwrap();
    network.backends()[0].revive().unwrap();
    open[0].ask().unwrap_err();
}

#[test]
fn the_balancer_answers_for_a_vip_and_a_backend_serves_it_unasked() {
    let vips = Family::BOTH.map(|family| addresses::vip(family, 10));
    let plan = Plan { vips: vips.to_vec(), local_vips: vips.to_vec(), ..plan(1, 1) };
    let network = Network::create(&plan).unwrap();
    let (client, backend) = (&network.clients()[0], &network.backends()[0]);
    let limit = Duration::from_secs(3);
    for vip in vips {
        let url = format!("http://{}/", SocketAddr::new(vip, 80));
        let failure = http::ask_once(client, &url, limit).unwrap_err();
        assert!(failure.to_string().contains("refused"), "{failure}: the balancer serves nothing");
        point_vip_at(client, vip, backend.host()).unwrap();
        assert_eq!(http::ask_once(client, &url, limit).unwrap().backend, "web-1");
        let answer = client.namespace().run(&["dig", "+short", &format!("@{vip}"), "x.lab.test"]);
        assert_eq!(answer.unwrap().trim(), backend.host().address(Family::V4).to_string());
    }
}

#[test]
fn a_frozen_server_accepts_and_does_not_answer() {
    let network = Network::create(&plan(1, 1)).unwrap();
    let (client, backend) = (&network.clients()[0], &network.backends()[0]);
    let url = url(Family::V6, 80, "/healthz");
    backend.freeze().unwrap();
    let failure = http::ask_once(client, &url, Duration::from_millis(300)).unwrap_err();
    assert!(failure.to_string().contains("timeout"), "{failure}");
    backend.thaw().unwrap();
    assert_eq!(http::ask_once(client, &url, Duration::from_secs(5)).unwrap().body, "ok\n");
}

#[test]
fn an_unplugged_host_is_out_of_reach_until_it_is_plugged_in() {
    let network = Network::create(&plan(1, 1)).unwrap();
    let ask = |limit| http::ask_once(&network.clients()[0], &url(Family::V4, 80, "/"), limit);
    network.switch().unplug("web-1").unwrap();
    ask(Duration::from_millis(300)).unwrap_err();
    network.switch().plug("web-1").unwrap();
    let what = "web-1 to answer";
    wait_until(Duration::from_secs(10), what, || ask(Duration::from_secs(1))).unwrap();
}

#[test]
fn a_closure_in_a_namespace_leaves_its_caller_outside() {
    let network = Network::create(&plan(1, 0)).unwrap();
    let here = || fs::read_link("/proc/thread-self/ns/net").unwrap();
    let (before, inside) = (here(), network.clients()[0].namespace().enter(here).unwrap());
    assert_ne!(before, inside);
    assert_eq!(before, here());
}

#[test]
fn nothing_is_left_after_a_panic() {
    let name = std::sync::Mutex::new(None);
    let panicked = catch_unwind(|| {
        let network = Network::create(&plan(1, 1)).unwrap();
        *name.lock().unwrap() = Some(network.name().clone());
        panic!("a failed assertion");
    });
    panicked.unwrap_err();
    let name = name.into_inner().unwrap().unwrap();
    assert!(!name.directory().exists());
    assert_eq!(namespaces_of(&name).unwrap(), Vec::<String>::new());
    assert_eq!(processes_below(&name.directory()).unwrap(), Vec::<String>::new());
}

#[test]
fn what_a_killed_owner_left_is_removed_and_what_it_kept_is_not() {
    let (abandoned, kept) = (dead_name().unwrap(), dead_name().unwrap());
    let mut sleeper = None;
    for name in [&abandoned, &kept] {
        fs::create_dir_all(Path::new("/run/loadbalancer-labs").join(name)).unwrap();
        let namespace = format!("{name}-host");
        run(Command::new("ip").args(["netns", "add", &namespace])).unwrap().success().unwrap();
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{namespace}")).args(["sleep", "60"]);
        sleeper = Some(command.spawn().unwrap());
    }
    fs::write(format!("/run/loadbalancer-labs/{kept}/kept"), "").unwrap();
    leftovers::remove_abandoned().unwrap();
    assert!(!Path::new(&format!("/run/netns/{abandoned}-host")).exists());
    assert!(!Path::new("/run/loadbalancer-labs").join(&abandoned).exists());
    assert!(Path::new(&format!("/run/netns/{kept}-host")).exists());
    let mut sleeper = sleeper.unwrap();
    assert!(sleeper.try_wait().unwrap().is_none(), "the kept lab's process was killed");
    fs::remove_file(format!("/run/loadbalancer-labs/{kept}/kept")).unwrap();
    leftovers::remove_abandoned().unwrap();
    sleeper.wait().unwrap();
    assert!(!Path::new(&format!("/run/netns/{kept}-host")).exists());
}

#[test]
fn a_process_in_a_namespace_is_killed_by_its_own_id() {
    let lab = LabName::claim().unwrap();
    let namespace = Namespace::create(&lab, "host").unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let process = Process::start(namespace.command("sleep").arg("60"), log.path()).unwrap();
    let listed =
        || run(Command::new("ip").args(["netns", "pids", namespace.name()])).unwrap().stdout;
    // It enters the namespace after it was started.
    wait_until(Duration::from_secs(5), "the process in its namespace", || {
        ensure!(listed().trim() == process.id().to_string(), "`ip netns pids` says {:?}", listed());
        Ok(())
    })
    .unwrap();
    process.kill().unwrap();
    assert_eq!(listed().trim(), "");
}

/// A lab's name whose owner has ended.
fn dead_name() -> Result<String> {
    let mut child = Command::new("true").spawn()?;
    child.wait()?;
    Ok(format!("lb-lab-{}-1", child.id()))
}

fn namespaces_of(name: &LabName) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/run/netns")? {
        found.push(entry?.file_name().to_string_lossy().into_owned());
    }
    found.retain(|namespace| namespace.starts_with(&format!("{name}-")));
    Ok(found)
}

/// Command lines of the processes that work with files of `directory`.
fn processes_below(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // What is no process, or has ended meanwhile, has no command line.
        let line = fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        found.push(String::from_utf8_lossy(&line).into_owned());
    }
    found.retain(|line| line.contains(&*directory.to_string_lossy()));
    Ok(found)
}

/// Lets the client send what is for `vip` to the host with this link-layer address.
fn point_vip_at(client: &Host, vip: IpAddr, host: &Host) -> Result<()> {
    // Not from /sys, which shows the network that it was mounted in.
    let link = host.namespace().run(&["ip", "-brief", "link", "show", "dev", "eth0"])?;
    let mac = link.split_whitespace().nth(2).context("no link-layer address")?;
    client.namespace().ip_batch(&format!("neigh replace {vip} lladdr {mac} dev eth0\n"))
}
