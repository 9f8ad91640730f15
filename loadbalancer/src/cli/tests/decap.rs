use std::collections::BTreeMap;

use super::{ExitStatus, run};
use crate::{
    cli::{output::View, page::Page},
    decap::{DecapStats, KindStats},
    stats::InterfaceStatus,
};

#[tokio::test]
async fn decap_needs_an_interface_and_somebody_who_may_send() {
    let ended = run("decap").await;
    assert_eq!(ended.status, ExitStatus::Usage);
    for missing in ["--interface <IF>", "--allow <PREFIX>"] {
        assert!(ended.errors.contains(missing), "{}", ended.errors);
    }
    let ended = run("decap --interface eth0").await;
    assert_eq!(ended.status, ExitStatus::Usage);
    assert!(ended.errors.contains("--allow <PREFIX>"), "{}", ended.errors);
}

#[tokio::test]
async fn prefixes_of_decap_are_checked() {
    let cases = [
        ("--allow 10.0.0.1/8", "write 10.0.0.0/8 for the network, or 10.0.0.1 for the address"),
        ("--allow balancer", "a prefix or an address is expected"),
        ("--allow ::1 --vip 2001:db8::/129", "a prefix or an address is expected"),
        ("--allow ::1 --gue-port 0", "0 is not in 1..=65535"),
        ("--allow ::1 --xdp-mode fast", "expected one of"),
    ];
    for (arguments, said) in cases {
        let ended = run(&format!("decap --interface eth0 {arguments}")).await;
        assert_eq!(ended.status, ExitStatus::Usage, "{arguments}");
        assert!(ended.errors.contains(said), "{arguments}: {}", ended.errors);
    }
}

#[tokio::test]
async fn where_decap_is_not_set_up_stats_say_so_and_there_is_nothing_to_detach() {
    let ended = run("decap stats --pin-directory /nonexistent").await;
    let expected = "\
error: no decapsulation is set up in /nonexistent
  hint: start it with `loadbalancer decap --interface IF --allow PREFIX`, or name its directory with \
                    `--pin-directory`
";
    assert_eq!((ended.status, ended.errors.as_str()), (ExitStatus::Failed, expected));
    let ended = run("decap detach --pin-directory /nonexistent").await;
    assert_eq!((ended.status, ended.out.as_str()), (ExitStatus::Done, "nothing is attached\n"));
}

#[tokio::test]
async fn decap_attaches_to_ethernet_interfaces_that_exist() {
    let ended = run("decap --interface no0 --allow ::1").await;
    assert_eq!(ended.status, ExitStatus::Failed);
    assert!(ended.errors.starts_with("error: there is no interface no0; there are: "));
    assert!(ended.errors.ends_with("  hint: name one of them with `--interface`\n"));
    let ended = run("decap --interface lo --allow ::1").await;
    let expected = "error: interface lo is not Ethernet\n  hint: attach to an Ethernet interface\n";
    assert_eq!((ended.status, ended.errors.as_str()), (ExitStatus::Failed, expected));
}

fn stats() -> DecapStats {
    DecapStats {
        interfaces: vec![InterfaceStatus { name: "eth0".into(), mode: "native".into() }],
        decapsulated: BTreeMap::from([
            ("gue_6in4", KindStats { packets: 1_234, bytes: 98_765 }),
            ("ipip_4in4", KindStats::default()),
        ]),
        drops: BTreeMap::from([("malformed", 0), ("source_not_allowed", 17)]),
        passed: BTreeMap::from([("fragment", 2)]),
    }
}

fn shown(stats: &DecapStats) -> String {
    let mut page = Page::new(None, false);
    stats.show(&mut page);
    page.finish()
}

#[test]
fn decap_stats_show_what_happened() {
    let expected = "\
interfaces: eth0 (native)

TUNNEL    PACKETS    BYTES
gue_6in4    1.2 k  98.8 kB

passed as they were
  REASON    PACKETS
  fragment        2

drops
  REASON              PACKETS
  source_not_allowed       17
";
    assert_eq!(shown(&stats()), expected);
}

#[test]
fn decap_stats_without_traffic_are_short() {
    let stats = DecapStats {
        decapsulated: BTreeMap::new(),
        drops: BTreeMap::new(),
        passed: BTreeMap::new(),
        ..stats()
    };
    let expected = "interfaces: eth0 (native)\n\nnothing was decapsulated\n\nno drops\n";
    assert_eq!(shown(&stats), expected);
}

#[test]
fn decap_stats_as_json_have_every_counter() {
    let json = serde_json::to_value(stats()).unwrap();
    let expected = serde_json::json!({
        "interfaces": [{"name": "eth0", "mode": "native"}],
        "decapsulated": {
            "gue_6in4": {"packets": 1_234, "bytes": 98_765},
            "ipip_4in4": {"packets": 0, "bytes": 0},
        },
        "drops": {"malformed": 0, "source_not_allowed": 17},
        "passed": {"fragment": 2},
    });
    assert_eq!(json, expected);
}
