//! What a QUIC service has where the file says no more, what edits keep, what no view shows.

use super::{config, parse};
use crate::config::{Edit, NewBackend, QuicKey, QuicLb, differences};

const FILE: &str = r#"[[service]]
name = "h3"
address = "192.0.2.10:443"
protocol = "udp"
quic = true              # phones roam

[[service.quic_lb]]
config_rotation = 1
nonce_length = 14
key = "8f95f09245765f80256934e50c66207f" # since May

[[service.quic_lb]]
config_rotation = 2
server_id_length = 2

[[service.backend]]
address = "10.0.0.1"
server_id = "0a01"
"#;

const KEY: &str = "8f95f09245765f80256934e50c66207f";

fn lb(config_rotation: u8, nonce_length: u8, key: Option<u128>) -> QuicLb {
    let key = key.map(|key| QuicKey::new(key.to_be_bytes()));
    QuicLb { config_rotation, server_id_length: 2, nonce_length, key }
}

#[test]
fn configurations_are_read() {
    let service = config(FILE).services.remove(0);
    let key = 0x8f95_f092_4576_5f80_2569_34e5_0c66_207f;
    assert_eq!(service.quic.unwrap().configs, [lb(1, 14, Some(key)), lb(2, 4, None)]);
    assert_eq!(service.backends[0].server_id, Some(vec![0x0a, 1]));
}

#[test]
fn a_service_that_says_no_more_has_the_least_in_the_open() {
    let start = FILE.find("[[service.quic_lb]]").unwrap();
    let end = FILE.find("[[service.backend]]").unwrap();
    let plain = format!("{}{}", &FILE[..start], &FILE[end..]);
    assert_eq!(config(&plain).services[0].quic.as_ref().unwrap().configs, [lb(0, 4, None)]);
    let empty = &FILE[..start];
    let quic = config(empty).services.remove(0).quic.unwrap();
    assert!(quic.configs.is_empty(), "no backend says yet how long ids are: {quic:?}");
}

#[test]
fn edits_keep_it_and_add_to_it() {
    let backend = |server_id: Option<&str>| Edit::AddBackend {
        service: "h3".to_owned(),
        backend: NewBackend {
            address: "10.0.0.2".to_owned(),
            name: None,
            weight: None,
            backup: false,
            server_id: server_id.map(str::to_owned),
        },
    };
    let before = parse(FILE).unwrap();
    let (after, changes) = before.edited(&backend(Some("0a02"))).unwrap();
    assert_eq!(changes, ["added backend 10.0.0.2 (10.0.0.2:443) to service h3"]);
    let added = "\n[[service.backend]]\naddress = \"10.0.0.2\"\nserver_id = \"0a02\"\n";
    assert_eq!(after.text(), format!("{FILE}{added}"));
    let refusal = before.edited(&backend(None)).unwrap_err();
    assert_eq!(refusal.to_string(), "backend 10.0.0.2 has no `server_id`");
}

#[test]
fn a_change_is_told_without_the_key() {
    let told = |text: &str| differences(&config(FILE), &config(text));
    let other = FILE.replace(KEY, &KEY.replace('8', "9"));
    assert_eq!(told(&other), ["service h3: key of config rotation 1 changed"]);
    assert_eq!(
        told(&FILE.replace(&format!("key = \"{KEY}\""), "").replace("0a01", "0a02")),
        [
            "service h3: quic: config rotation 1, server id 2 and nonce 14 bytes, encrypted; config \
             rotation 2, server id 2 and nonce 4 bytes, in the open -> config rotation 1, server id \
             2 and nonce 14 bytes, in the open; config rotation 2, server id 2 and nonce 4 bytes, \
             in the open",
            "backend 10.0.0.1 of service h3: server_id: 0a01 -> 0a02",
        ]
    );
}

#[test]
fn keys_show_nowhere() {
    let document = parse(FILE).unwrap();
    let shown = document.shown();
    assert_eq!(shown, FILE.replace(KEY, "hidden"), "and all the rest does");
    let inline = FILE.replace(
        "[[service.quic_lb]]\nconfig_rotation = 1\nnonce_length = 14\nkey = \"8f95f09245765f80256934e50c66207f\" # since May",
        "quic_lb = [{ key = \"8f95f09245765f80256934e50c66207f\" }]",
    );
    let inline =
        inline.replace("[[service.quic_lb]]\nconfig_rotation = 2\nserver_id_length = 2\n", "");
    assert_eq!(parse(&inline).unwrap().shown(), inline.replace(KEY, "hidden"));
    let debug = format!("{:?}", document.config());
    assert!(!debug.contains("8f95") && !debug.contains("143, 149"), "{debug}");
    assert!(debug.contains("QuicKey(hidden)"));
    let without = FILE.replace(&format!("key = \"{KEY}\""), "");
    assert_eq!(parse(&without).unwrap().shown(), without);
}
