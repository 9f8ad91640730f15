//! `[firewall]`

use super::refused;

#[test]
fn words() {
    refused(&[
        (
            "[firewall]\ndefault = \"deny\"",
            r#"lb.toml:2: `default` is "deny", which is unknown"#,
            r#"write one of "pass", "drop""#,
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.0/24\"]\naction = \"count\"",
            r#"lb.toml:4: `action` is "count", which this version does not support"#,
            r#"write one of "pass", "drop""#,
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.0/24\"]\naction = \"reject\"",
            r#"lb.toml:4: `action` is "reject", which is unknown"#,
            r#"write one of "pass", "drop""#,
        ),
    ]);
}

#[test]
fn names() {
    refused(&[
        (
            "[[firewall.rule]]\nname = \"default\"\nsource = [\"192.0.2.0/24\"]\naction = \"drop\"",
            r#"lb.toml:2: rule name "default" is taken by the firewall's default"#,
            "choose another name",
        ),
        (
            "[[firewall.rule]]\nname = \"x y\"\nsource = [\"192.0.2.0/24\"]\naction = \"drop\"",
            r#"lb.toml:2: rule name "x y" is not a name"#,
            "write 1 to 63 letters, digits, dots, colons, hyphens and underscores",
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.0/24\"]\naction = \"drop\"\n[[firewall.rule]]\nname = \"x\"\nsource = [\"198.51.100.0/24\"]\naction = \"drop\"",
            "lb.toml:6: rule x exists already, on line 2",
            "give each rule a name of its own",
        ),
    ]);
}

#[test]
fn sources() {
    refused(&[
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = []\naction = \"drop\"",
            "lb.toml:3: rule x has no source",
            r#"write at least one prefix, such as ["198.51.100.0/24"]"#,
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.0/33\"]\naction = \"drop\"",
            r#"lb.toml:3: source "192.0.2.0/33" is not a prefix"#,
            r#"write a prefix or an address, such as "198.51.100.0/24" or "2001:db8::1""#,
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.7/24\"]\naction = \"drop\"",
            "lb.toml:3: source 192.0.2.7/24 has bits behind its prefix length",
            "write 192.0.2.0/24 for the network, or 192.0.2.7 for the address",
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"2001:db8::7/32\"]\naction = \"drop\"",
            "lb.toml:3: source 2001:db8::7/32 has bits behind its prefix length",
            "write 2001:db8::/32 for the network, or 2001:db8::7 for the address",
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.1\", \"192.0.2.1/32\"]\naction = \"drop\"",
            "lb.toml:3: source 192.0.2.1/32 is twice in rule x",
            "leave it in one place",
        ),
        (
            "[[firewall.rule]]\nname = \"x\"\nsource = [\"192.0.2.0/24\"]\naction = \"drop\"\n[[firewall.rule]]\nname = \"y\"\nsource = [\"192.0.2.0/24\"]\naction = \"pass\"",
            "lb.toml:7: source 192.0.2.0/24 is in rule x and in rule y",
            "leave it in one place",
        ),
    ]);
}
