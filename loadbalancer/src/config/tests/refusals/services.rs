//! `[[service]]` and `[service.health]`.

use super::{refused, web};

#[test]
fn names() {
    refused(&[
        (
            "[[service]]\nname = \"a b\"\naddress = \"192.0.2.1:80\"\n",
            r#"lb.toml:2: service name "a b" is not a name"#,
            "write 1 to 63 letters, digits, dots, colons, hyphens and underscores",
        ),
        (
            "[[service]]\nname = \"\"\naddress = \"192.0.2.1:80\"\n",
            r#"lb.toml:2: service name "" is not a name"#,
            "write 1 to 63 letters, digits, dots, colons, hyphens and underscores",
        ),
        (
            "[[service]]\nname = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\naddress = \"192.0.2.1:80\"\n",
            r#"lb.toml:2: service name "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not a name"#,
            "write 1 to 63 letters, digits, dots, colons, hyphens and underscores",
        ),
    ]);
}

#[test]
fn addresses() {
    refused(&[
        (
            "[[service]]\nname = \"a\"\naddress = \"192.0.2.300:80\"\n",
            r#"lb.toml:3: service address "192.0.2.300:80" is not an IP address with a port"#,
            r#"write it as "192.0.2.10:80" or "[2001:db8::10]:80""#,
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"192.0.2.1\"\n",
            r#"lb.toml:3: service address "192.0.2.1" has no port"#,
            r#"write it as "192.0.2.1:80", or with port 0 for every port"#,
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"2001:db8::1\"\n",
            r#"lb.toml:3: service address "2001:db8::1" has no port"#,
            r#"write it as "[2001:db8::1]:80", or with port 0 for every port"#,
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"224.0.0.1:80\"\n",
            "lb.toml:3: VIP 224.0.0.1 is a multicast address",
            "write an address of one host",
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"0.0.0.0:80\"\n",
            "lb.toml:3: VIP 0.0.0.0 is the unspecified address",
            "write an address of one host",
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"[::1]:80\"\n",
            "lb.toml:3: VIP ::1 is a loopback address",
            "write an address of one host",
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"255.255.255.255:80\"\n",
            "lb.toml:3: VIP 255.255.255.255 is the broadcast address",
            "write an address of one host",
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"[fe80::1]:80\"\n",
            "lb.toml:3: VIP fe80::1 is a link-local address",
            "write an address of one host",
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"[::ffff:192.0.2.1]:80\"\n",
            "lb.toml:3: VIP ::ffff:192.0.2.1 is an IPv4 address in IPv6 notation",
            "write 192.0.2.1",
        ),
    ]);
}

#[test]
fn unknown_words() {
    refused(&[
        (
            &web(r#"forward = "tunnel""#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `forward` is "tunnel", which is unknown"#,
            r#"write one of "nat", "dsr""#,
        ),
        (
            &web(r#"forward = "ipip""#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `forward` is "ipip", which this version does not support"#,
            r#"write one of "nat", "dsr""#,
        ),
        (
            &web(r#"algorithm = "random""#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `algorithm` is "random", which is unknown"#,
            r#"write "maglev""#,
        ),
        (
            &web(r#"algorithm = "round-robin""#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `algorithm` is "round-robin", which this version does not support"#,
            r#"write "maglev""#,
        ),
        (
            &web(r#"protocol = "sctp""#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `protocol` is "sctp", which is unknown"#,
            r#"write one of "tcp", "udp""#,
        ),
        (
            &web(r#"health = { type = "ping" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `type` is "ping", which is unknown"#,
            r#"write one of "tcp", "http", "none""#,
        ),
        (
            &web(r#"health = { type = "https" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `type` is "https", which this version does not support"#,
            r#"write one of "tcp", "http", "none""#,
        ),
        (
            &web("", "address = \"10.0.0.11\"\nstate = \"down\""),
            r#"lb.toml:7: `state` is "down", which is unknown"#,
            r#"write one of "enabled", "draining", "disabled""#,
        ),
    ]);
}

#[test]
fn lookup_tables() {
    refused(&[
        (
            &web("table_size = 65536", r#"address = "10.0.0.11""#),
            "lb.toml:4: `table_size` is 65536, which is not a prime number",
            "the next prime is 65537",
        ),
        (
            &web("table_size = 1", r#"address = "10.0.0.11""#),
            "lb.toml:4: `table_size` is 1",
            "write a number from 2 to 8388608",
        ),
        (
            &web(
                "table_size = 2",
                "address = \"10.0.0.1\"\n[[service.backend]]\naddress = \"10.0.0.2\"\n[[service.backend]]\naddress = \"10.0.0.3\"",
            ),
            "lb.toml:4: the lookup table of 2 slots is too small for 3 backends",
            "write table_size = 307: about 100 slots a backend",
        ),
        (
            &web("min_healthy = 0", r#"address = "10.0.0.11""#),
            "lb.toml:4: `min_healthy` is 0",
            "write a number from 1 to 65535",
        ),
    ]);
}

#[test]
fn twice() {
    refused(&[
        (
            "[[service]]\nname = \"a\"\naddress = \"192.0.2.1:80\"\n[[service]]\nname = \"a\"\naddress = \"192.0.2.2:80\"\n",
            "lb.toml:5: service a exists already, on line 2",
            "give each service a name of its own",
        ),
        (
            "[[service]]\nname = \"a\"\naddress = \"192.0.2.1:80\"\n[[service]]\nname = \"b\"\naddress = \"192.0.2.1:80\"\n",
            "lb.toml:6: services a and b both have 192.0.2.1:80 over tcp",
            "change an address, a port or a protocol",
        ),
    ]);
}

#[test]
fn times_and_counts() {
    refused(&[
        (
            &web(r#"health = { interval = "1 bushel" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `interval` is "1 bushel", not a duration"#,
            r#"write it as "500ms", "1s" or "2m""#,
        ),
        (
            &web(r#"health = { interval = "1ms" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `interval` is "1ms""#,
            "write a duration from 10ms to 1h",
        ),
        (
            &web(r#"health = { timeout = "2h", interval = "1h" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `timeout` is "2h""#,
            "write a duration from 1ms to 1h",
        ),
        (
            &web(r#"health = { interval = "1s", timeout = "2s" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `timeout` is "2s", longer than the interval of 1s"#,
            "write a timeout of at most the interval",
        ),
        (
            &web(r#"health = { timeout = "2s" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `timeout` is "2s", longer than the interval of 1s"#,
            "write a timeout of at most the interval",
        ),
        (
            &web("health = { rise = 0 }", r#"address = "10.0.0.11""#),
            "lb.toml:4: `rise` is 0",
            "write a number from 1 to 1000",
        ),
        (
            &web("health = { fall = -1 }", r#"address = "10.0.0.11""#),
            "lb.toml:4: `fall` is -1",
            "write a number from 1 to 1000",
        ),
        (
            &web("health = { port = 0 }", r#"address = "10.0.0.11""#),
            "lb.toml:4: `port` is 0",
            "write a number from 1 to 65535",
        ),
    ]);
}

#[test]
fn questions() {
    refused(&[
        (
            &web(r#"health = { path = "/" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `path` belongs to checks of type "http""#,
            r#"leave it out, or write type = "http" beside it"#,
        ),
        (
            &web(r#"health = { type = "http", path = "healthz" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `path` is "healthz""#,
            r#"write a path such as "/healthz", other characters as %XX"#,
        ),
        (
            &web(r#"health = { type = "http", host = "a b" }"#, r#"address = "10.0.0.11""#),
            r#"lb.toml:4: `host` is "a b""#,
            r#"write a host name such as "www.example.com""#,
        ),
        (
            "[[service]]\nname = \"all\"\naddress = \"192.0.2.1:0\"\nhealth = { type = \"tcp\" }\n",
            "lb.toml:4: this check has no port to ask on, as the service covers every port",
            "add `port` to the check",
        ),
    ]);
}
