//! The shape of the file: TOML, unknown keys, types, what must be there.

use super::{refused, web};

#[test]
fn not_toml() {
    refused(&[
        (
            "[datapath\n",
            "lb.toml:1: not valid TOML: unclosed table, expected `]`",
            "write `key = value`, strings in quotes, tables as [...] and tables in a list as [[...]]",
        ),
        (
            "\n[api]\nsocket = /run\n",
            "lb.toml:3: not valid TOML: string values must be quoted, expected literal string",
            "write `key = value`, strings in quotes, tables as [...] and tables in a list as [[...]]",
        ),
        (
            "[nat]\nports = \"1\"\nports = \"2\"",
            "lb.toml:3: not valid TOML: duplicate key",
            "write `key = value`, strings in quotes, tables as [...] and tables in a list as [[...]]",
        ),
    ]);
}

#[test]
fn unknown_keys() {
    refused(&[
        (
            &web(r#"algoritm = "maglev""#, r#"address = "10.0.0.11""#),
            "lb.toml:4: unknown key `algoritm`",
            "did you mean `algorithm`?",
        ),
        ("\n\nservices = 1", "lb.toml:3: unknown key `services`", "did you mean `service`?"),
        (
            &web("", "colour = 1"),
            "lb.toml:6: unknown key `colour`",
            "the keys here are: name, address, weight, backup, state, server_id",
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nprotocol = \"tcp\"",
            "lb.toml:3: unknown key `protocol`",
            "rules match by `source` alone in this version: leave it out",
        ),
    ]);
}

#[test]
fn other_types() {
    refused(&[
        (
            "[datapath]\ninterfaces = \"eth0\"",
            r#"lb.toml:2: found string "eth0" in place of a list"#,
            "write a list as [...], and a table in a list as [[...]]",
        ),
        (
            &web(r#"table_size = "7""#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: found string "7" in place of a number"#,
            "write a whole number, without quotes",
        ),
        (
            &web("", "address = 1"),
            "lb.toml:6: found integer `1` in place of a string",
            r#"write it in quotes: "...""#,
        ),
        (
            &web("", "backup = 1"),
            "lb.toml:6: found integer `1` in place of true or false",
            "write true or false, without quotes",
        ),
        (
            "[service]\nname = \"web\"\n",
            "lb.toml:1: found one table in place of a list of tables",
            "write [[...]] in place of [...]: there can be several",
        ),
        (
            "nat = 5",
            "lb.toml:1: found integer `5` in place of a table",
            "write a table as [...], with its keys below",
        ),
    ]);
}

#[test]
fn missing_keys() {
    refused(&[
        (
            "\n\n[[service]]\naddress = \"192.0.2.10:80\"",
            "lb.toml:3: this service has no `name`",
            r#"add a line such as name = "web""#,
        ),
        (
            "[[service]]\nname = \"web\"",
            "lb.toml:1: this service has no `address`",
            r#"add a line such as address = "192.0.2.10:80""#,
        ),
        (
            &web("", r#"name = "x""#),
            "lb.toml:5: this backend has no `address`",
            r#"add a line such as address = "10.0.0.11:80""#,
        ),
        (
            "[[firewall.rule]]\nsource = [\"192.0.2.0/24\"]\naction = \"drop\"",
            "lb.toml:1: this rule has no `name`",
            r#"add a line such as name = "no-scanners""#,
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\naction = \"drop\"",
            "lb.toml:1: this rule has no `source`",
            r#"add a line such as source = ["198.51.100.0/24"]"#,
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.0/24\"]",
            "lb.toml:1: this rule has no `action`",
            r#"add a line such as action = "drop""#,
        ),
    ]);
}
