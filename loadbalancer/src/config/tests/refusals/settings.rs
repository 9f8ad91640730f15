//! `[datapath]`, `[nat]`, `[api]` and the limits.

use super::refused;

#[test]
fn interfaces() {
    refused(&[
        (
            "[datapath]\ninterfaces = [\"eth0\", \"a-very-long-name\"]",
            r#"lb.toml:2: interface "a-very-long-name" cannot exist"#,
            "write the name of an interface as `ip link` shows it: up to 15 bytes, no slash, colon or space",
        ),
        (
            "[datapath]\ninterfaces = [\"a/b\"]",
            r#"lb.toml:2: interface "a/b" cannot exist"#,
            "write the name of an interface as `ip link` shows it: up to 15 bytes, no slash, colon or space",
        ),
        (
            "[datapath]\ninterfaces = [\"\"]",
            r#"lb.toml:2: interface "" cannot exist"#,
            "write the name of an interface as `ip link` shows it: up to 15 bytes, no slash, colon or space",
        ),
        (
            "[datapath]\ninterfaces = [\"eth0\", \"eth0\"]",
            "lb.toml:2: interface eth0 is listed twice",
            "leave one out",
        ),
    ]);
}

#[test]
fn modes_and_paths() {
    refused(&[
        (
            "[datapath]\nxdp_mode = \"fast\"",
            r#"lb.toml:2: `xdp_mode` is "fast", which is unknown"#,
            r#"write one of "auto", "native", "generic""#,
        ),
        (
            "[datapath]\npin_directory = \"pins\"",
            r#"lb.toml:2: `pin_directory` is "pins", not a path from the root"#,
            r#"write it as "/sys/fs/bpf/loadbalancer""#,
        ),
        (
            "[api]\nsocket = \"api.sock\"",
            r#"lb.toml:2: `socket` is "api.sock", not a path from the root"#,
            r#"write it as "/run/loadbalancer/api.sock""#,
        ),
        (
            "[api]\nsocket = \"/sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\"",
            "lb.toml:2: `socket` has 108 bytes",
            "write a path of at most 107 bytes",
        ),
        (
            "[api]\nlisten = \"localhost\"",
            r#"lb.toml:2: `listen` is "localhost", not an address with a port"#,
            r#"write it as "127.0.0.1:9117" or "[::1]:9117""#,
        ),
    ]);
}

#[test]
fn translation() {
    refused(&[
        (
            "[nat]\nports = \"40000\"",
            r#"lb.toml:2: `ports` is "40000", not a range of ports"#,
            r#"write it as "40000-59999""#,
        ),
        (
            "[nat]\nports = \"80-90\"",
            r#"lb.toml:2: `ports` is "80-90", which begins below 1024"#,
            "ports below 1024 belong to services: begin at 1024 or above",
        ),
        (
            "[nat]\nports = \"50000-40000\"",
            r#"lb.toml:2: `ports` is "50000-40000", which ends before it begins"#,
            "write the lower port first",
        ),
        (
            "[nat]\nports = \"50000-70000\"",
            r#"lb.toml:2: `ports` is "50000-70000", not a range of ports"#,
            r#"write it as "40000-59999""#,
        ),
        (
            "[nat]\naddresses = [\"192.0.2.1:80\"]",
            r#"lb.toml:2: translation address "192.0.2.1:80" is not an IP address"#,
            r#"write an address without port, such as "192.0.2.1" or "2001:db8::1""#,
        ),
        (
            "[nat]\naddresses = [\"0.0.0.0\"]",
            "lb.toml:2: translation address 0.0.0.0 is the unspecified address",
            "write an address of one host",
        ),
        (
            "[nat]\naddresses = [\"192.0.2.1\", \"192.0.2.2\"]",
            "lb.toml:2: 192.0.2.2 is a second IPv4 address for translation, after 192.0.2.1",
            "write at most one address of each family: this version uses one",
        ),
    ]);
}

#[test]
fn limits_out_of_range() {
    refused(&[
        (
            "[datapath.limits]\nservices = 0",
            "lb.toml:2: `services` is 0",
            "write a number from 1 to 1048576",
        ),
        (
            "[datapath.limits]\nconnections = 99999999999",
            "lb.toml:2: `connections` is 99999999999",
            "write a number from 1 to 67108864",
        ),
    ]);
}

#[test]
fn more_than_the_limits() {
    refused(&[
        (
            "[datapath.limits]\nservices = 1\n[[service]]\nname = \"a\"\naddress = \"192.0.2.1:80\"\n[[service]]\nname = \"b\"\naddress = \"192.0.2.2:80\"\n",
            "lb.toml:6: this is IPv4 service 2, and the limit is 1",
            "raise `services` in [datapath.limits]",
        ),
        (
            "[datapath.limits]\nbackends = 1\n[[service]]\nname = \"a\"\naddress = \"192.0.2.1:80\"\nbackend = [{ address = \"10.0.0.1\" }, { address = \"10.0.0.2\" }]\n",
            "lb.toml:3: the services have 2 backends up to here, and the limit is 1",
            "raise `backends` in [datapath.limits]",
        ),
        (
            "[datapath.limits]\nlookup_slots = 20\n[[service]]\nname = \"a\"\naddress = \"192.0.2.1:80\"\ntable_size = 7\n[[service]]\nname = \"b\"\naddress = \"192.0.2.2:80\"\ntable_size = 5\n",
            "lb.toml:7: the lookup tables need 24 slots up to here, twice their sizes, and the limit is 20",
            "raise `lookup_slots` in [datapath.limits], or lower `table_size`",
        ),
        (
            "[datapath.limits]\nrules = 1\n[[firewall.rule]]\nname = \"a\"\nsource = [\"192.0.2.0/24\"]\naction = \"drop\"\n[[firewall.rule]]\nname = \"b\"\nsource = [\"198.51.100.0/24\"]\naction = \"drop\"\n",
            "lb.toml:8: this is rule 2, and the limit is 1",
            "raise `rules` in [datapath.limits]",
        ),
        (
            "[datapath.limits]\nprefixes = 1\n[firewall]\ndefault = \"drop\"\n[[firewall.rule]]\nname = \"a\"\nsource = [\"2001:db8::/32\"]\naction = \"pass\"\n",
            "lb.toml:5: the rules have 2 IPv6 prefixes, the limit is 1",
            "raise `prefixes` in [datapath.limits]",
        ),
    ]);
}
