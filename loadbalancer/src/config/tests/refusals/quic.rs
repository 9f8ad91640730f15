//! `quic`, `[[service.quic_lb]]` and `server_id`

use super::refused;

/// A UDP service with more lines, the first of them the sixth, and backends with a line each.
fn service(lines: &str, backends: &[&str]) -> String {
    let backends = (1..).zip(backends).map(|(number, backend): (u8, _)| {
        let address = format!("address = \"10.0.0.{number}\"");
        format!("[[service.backend]]\nname = \"b{number}\"\n{address}\n{backend}\n")
    });
    let backends: Vec<String> = backends.collect();
    format!(
        "[[service]]\nname = \"h3\"\naddress = \"192.0.2.10:443\"\nprotocol = \"udp\"\n\
         table_size = 7\n{lines}\n{}",
        backends.concat()
    )
}

const ID: &str = "server_id = \"0a0b\"";

#[test]
fn what_does_not_go_without_quic() {
    let hint = "add the line quic = true to the service, or leave this out";
    refused(&[
        (
            &service("quic = true", &[ID]).replace("udp", "tcp"),
            "lb.toml:6: service h3 has `quic` over tcp",
            "write protocol = \"udp\": QUIC runs over UDP",
        ),
        (
            &service("[[service.quic_lb]]\nnonce_length = 6", &[""]),
            "lb.toml:6: service h3 has `quic_lb`, but not `quic`",
            hint,
        ),
        (
            &service("quic = false", &["", ID]),
            "lb.toml:14: backend b2 has a `server_id`, but service h3 has no `quic`",
            hint,
        ),
        (
            &service("quic = \"yes\"", &[ID]),
            "lb.toml:6: found string \"yes\" in place of true or false",
            "write true or false, without quotes",
        ),
    ]);
}

#[test]
fn server_ids() {
    let bytes = "write 1 to 15 bytes, two digits each, such as \"0a0b\"";
    refused(&[
        (
            &service("quic = true", &[ID, ""]),
            "lb.toml:11: backend b2 has no `server_id`",
            "add a line such as server_id = \"0a0b\": what the server has for its own in the connection ids that it issues",
        ),
        (
            &service("quic = true", &["server_id = \"0x0a\""]),
            "lb.toml:10: `server_id` is \"0x0a\", not bytes in hexadecimal",
            bytes,
        ),
        (
            &service("quic = true", &["server_id = \"0a0\""]),
            "lb.toml:10: `server_id` is \"0a0\", not bytes in hexadecimal",
            bytes,
        ),
        (
            &service("quic = true", &["server_id = \"\""]),
            "lb.toml:10: `server_id` has 0 bytes",
            bytes,
        ),
        (
            &service("quic = true", &["server_id = \"000102030405060708090a0b0c0d0e0f\""]),
            "lb.toml:10: `server_id` has 16 bytes",
            bytes,
        ),
        (
            &service("quic = true", &[ID, "server_id = \"0a\""]),
            "lb.toml:14: `server_id` has 1 byte, that of backend b1 2",
            "write ids of one length for all backends of a service",
        ),
        (
            &service("quic = true", &[ID, "server_id = \"0A0B\""]),
            "lb.toml:14: `server_id` 0a0b is given already, on line 10",
            "give each backend an id of its own",
        ),
    ]);
}

/// A service with one configuration, whose lines begin at the eighth.
fn with(lines: &str) -> String {
    service(&format!("quic = true\n[[service.quic_lb]]\n{lines}"), &[ID])
}

#[test]
fn keys() {
    let key = "write 32 digits, as `openssl rand -hex 16` does";
    refused(&[
        (&with("key = \"abc\""), "lb.toml:8: `key` is not 16 bytes in hexadecimal", key),
        (
            &with("key = \"8f95f09245765f80256934e50c6620\""),
            "lb.toml:8: `key` is not 16 bytes in hexadecimal",
            key,
        ),
        (
            &with("key = \"8f95f09245765f80256934e50c66207g\""),
            "lb.toml:8: `key` is not 16 bytes in hexadecimal",
            key,
        ),
    ]);
}

#[test]
fn configurations() {
    refused(&[
        (
            &with("config_rotation = 7"),
            "lb.toml:8: `config_rotation` is 7",
            "write a number from 0 to 6",
        ),
        (
            &with("[[service.quic_lb]]"),
            "lb.toml:8: config rotation 0 is given already, on line 7",
            "give each a `config_rotation` of its own, 0 to 6",
        ),
        (
            &with("config_rotation = 3\n[[service.quic_lb]]\nconfig_rotation = 3"),
            "lb.toml:10: config rotation 3 is given already, on line 8",
            "give each a `config_rotation` of its own, 0 to 6",
        ),
        (
            &with("server_id_length = 16"),
            "lb.toml:8: `server_id_length` is 16",
            "write a number from 1 to 15",
        ),
        (
            &with("server_id_length = 3"),
            "lb.toml:8: `server_id_length` is 3, but the backends' `server_id` has 2 bytes",
            "write ids of that length, or leave `server_id_length` out",
        ),
        (
            &with("nonce_length = 3"),
            "lb.toml:8: `nonce_length` is 3",
            "write a number from 4 to 17",
        ),
        (
            &with("nonce_length = 18"),
            "lb.toml:8: `nonce_length` is 18",
            "write a number from 4 to 17",
        ),
        (
            &with("cipher = \"aes\""),
            "lb.toml:8: unknown key `cipher`",
            "the keys here are: config_rotation, server_id_length, nonce_length, key",
        ),
        (
            &format!(
                "[datapath.limits]\nservices = 1\n{}",
                with("[[service.quic_lb]]\nconfig_rotation = 1")
            ),
            "lb.toml:3: the services have 2 QUIC configurations up to here, and the limit is 1",
            "raise `services` in [datapath.limits]",
        ),
    ]);
}
