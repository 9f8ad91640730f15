use super::{PIPE, Shown, printed, run, run_on};
use crate::{api::fake::FakeDaemon, cli::Screen};

const STATS_80: &str = "\
up 1 h 2 m, interfaces: eth0 (native)

web  192.0.2.10:80/tcp  nat  maglev
  total  9.0 k connections, 800.0 k queries, 1.2 M packets, 123.5 MB
  now    82.5 connections/s, 8.2 k queries/s, 12.3 k packets/s, 9.9 Mbit/s
  BACKEND              STATE      ACTIVE  CONN/S  QUERY/S  PACKET/S  BIT/S
  web-1                healthy       431    82.5    8.2 k    12.3 k  9.9 M
  web-2                unhealthy       0       0        0         0      0
  [2001:db8::13]:8080  draining        0       0        0         0      0
  (7 more columns in a wider terminal)

dns  [2001:db8::53]:53/udp  nat  maglev
  total  0 connections, 0 queries, 0 packets, 0 B
  now    0 connections/s, 0 queries/s, 0 packets/s, 0 bit/s
  no backends; `loadbalancer backend add dns ADDR:PORT` adds one

firewall
  RULE    ACTION  PACKETS   BYTES
  no-ssh  drop         17  1.0 kB

drops
  REASON      PACKETS
  firewall         17
  no_backend        3
";

#[tokio::test]
async fn stats_fit_a_terminal_of_80_columns() {
    assert_eq!(printed("stats", 80).await, STATS_80);
}

#[tokio::test]
async fn stats_in_a_pipe_have_every_column() {
    let out = run("stats").await.out;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = out.lines().map(words).collect();
    assert_eq!(
        lines[5..8],
        [
            "BACKEND ADDRESS STATE WEIGHT BACKUP ACTIVE CONN/S QUERY/S PACKET/S BIT/S CONNS \
             QUERIES PACKETS BYTES",
            "web-1 10.0.0.11:8080 healthy 100 no 431 82.5 8.2 k 12.3 k 9.9 M 9.0 k 800.0 k 1.2 M \
             123.5 MB",
            "web-2 10.0.0.12:8080 unhealthy 100 yes 0 0 0 0 0 0 0 0 0 B",
        ]
    );
}

#[tokio::test]
async fn every_output_fits_its_terminal() {
    let commands = ["status", "stats", "stats --per-cpu", "service list", "service show web"];
    let more = ["backend list", "firewall list", "stats web", "health"];
    for width in [60, 80, 140] {
        for command in commands.iter().chain(&more) {
            for line in printed(command, width).await.lines().filter(|line| !prose(line)) {
                assert!(line.chars().count() <= width, "{command} at {width}: {line}");
            }
        }
    }
}

/// Sentences wrap by themselves; tables must not.
fn prose(line: &str) -> bool {
    line.contains("total  ") || line.contains("now  ") || line.contains('`') || line.contains(": ")
}

#[tokio::test]
async fn per_cpu_counters_have_a_table() {
    let out = printed("stats web --per-cpu", 140).await;
    let table = "
  BACKEND  CPU  CONNS  QUERIES  PACKETS     BYTES
  all        0      0        0    1.2 M  123.4 MB
  all        1      0        0      567   56.7 kB
  web-1      0      0        0    1.2 M  123.4 MB
  web-1      1      0        0      567   56.7 kB
";
    assert!(out.contains(table), "{out}");
    assert!(!out.contains("dns"), "{out}");
}

#[tokio::test]
async fn status_is_a_page() {
    let expected = "\
loadbalancer 0.1.0, process 4242, up 1 h 2 m

config      /etc/loadbalancer.toml
pinned in   /sys/fs/bpf/loadbalancer
interfaces  eth0 (native)
services    2
backends    1 healthy, 1 unhealthy
firewall    1 rule

EVENT            COUNT
nat_port_reused     12

warning: interface eth0: generic mode is several times slower
";
    assert_eq!(printed("status", 80).await, expected);
}

#[tokio::test]
async fn lists_are_tables() {
    let services = "\
SERVICE  ADDRESS            PROTOCOL  FORWARD  ALGORITHM  HEALTHY
web      192.0.2.10:80      tcp       nat      maglev         1/3
dns      [2001:db8::53]:53  udp       nat      maglev         0/0
";
    let backends = "\
SERVICE  BACKEND              ADDRESS              STATE      WEIGHT  BACKUP  ACTIVE
web      web-1                10.0.0.11:8080       healthy       100  no         431
web      web-2                10.0.0.12:8080       unhealthy     100  yes          0
web      [2001:db8::13]:8080  [2001:db8::13]:8080  draining      100  no           0
";
    let rules = "\
RULE    ACTION  PACKETS   BYTES  SOURCE
no-ssh  drop         17  1.0 kB  198.51.100.0/24, 2001:db8:bad::/48

every other packet: pass
";
    let health = "\
SERVICE  BACKEND  ADDRESS         STATE         SINCE  CHECK  LATENCY  LAST ERROR
web      web-1    10.0.0.11:8080  healthy    1 m 35 s  http    1.2 ms  -
web      web-2    10.0.0.12:8080  unhealthy  1 m 35 s  http         -  connection refused
";
    assert_eq!(run("service list").await.out, services);
    assert_eq!(run("backend list").await.out, backends);
    assert_eq!(
        run("backend list dns").await.out,
        "no backends; `loadbalancer backend add` adds one\n"
    );
    assert_eq!(run("firewall list").await.out, rules);
    assert_eq!(run("health web").await.out, health);
}

#[tokio::test]
async fn one_service_has_a_page() {
    let expected = "\
web  192.0.2.10:80/tcp  nat  maglev

BACKEND              ADDRESS              STATE      WEIGHT  BACKUP  ACTIVE
web-1                10.0.0.11:8080       healthy       100  no         431
web-2                10.0.0.12:8080       unhealthy     100  yes          0
[2001:db8::13]:8080  [2001:db8::13]:8080  draining      100  no           0
";
    assert_eq!(printed("service show web", 80).await, expected);
}

#[tokio::test]
async fn colours_change_nothing_but_the_colour() {
    let daemon = FakeDaemon::start();
    let screen = Screen::Fixed { width: 80, height: 50 };
    let coloured = Shown { screen, colours: true, ..PIPE };
    let out = run_on(&daemon.socket(), coloured, "stats").await.out;
    assert!(out.contains("\x1b[32mhealthy\x1b[0m"), "{out:?}");
    assert!(out.contains("\x1b[31munhealthy\x1b[0m"), "{out:?}");
    assert!(out.contains("\x1b[33mdraining\x1b[0m"), "{out:?}");
    let mut plain = out;
    for sequence in ["\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"] {
        plain = plain.replace(sequence, "");
    }
    assert_eq!(plain, STATS_80);
    let out = run_on(&daemon.socket(), coloured, "--no-color stats").await.out;
    assert_eq!(out, STATS_80);
}
