//! `[[service.backend]]`

use super::{refused, web};

#[test]
fn addresses() {
    refused(&[
        (
            &web("", r#"address = "web.example.com""#),
            r#"lb.toml:6: backend address "web.example.com" is not an IP address"#,
            r#"write it as "10.0.0.11:80", "[2001:db8::11]:80", or without a port for the service's; this version does not look names up"#,
        ),
        (
            &web("", r#"address = "10.0.0.11:""#),
            r#"lb.toml:6: backend address "10.0.0.11:" is not an IP address"#,
            r#"write it as "10.0.0.11:80", "[2001:db8::11]:80", or without a port for the service's; this version does not look names up"#,
        ),
        (
            &web("", r#"address = "127.0.0.1""#),
            "lb.toml:6: backend address 127.0.0.1 is a loopback address",
            "write an address of one host",
        ),
        (
            &web("", r#"address = "239.0.0.1:80""#),
            "lb.toml:6: backend address 239.0.0.1 is a multicast address",
            "write an address of one host",
        ),
        (
            &web("", r#"address = "[fe80::1%2]:80""#),
            r#"lb.toml:6: backend address "[fe80::1%2]:80" is not an IP address"#,
            r#"write it as "10.0.0.11:80", "[2001:db8::11]:80", or without a port for the service's; this version does not look names up"#,
        ),
        (
            &web("", r#"address = "2001:db8::11""#),
            "lb.toml:6: backend 2001:db8::11 is IPv6, but service web is IPv4",
            "write an IPv4 address: `nat` keeps the family",
        ),
        (
            &web(r#"forward = "dsr""#, r#"address = "[2001:db8::11]:80""#),
            "lb.toml:6: backend 2001:db8::11 is IPv6, but service web is IPv4",
            "write an IPv4 address: `dsr` keeps the family",
        ),
        (
            "[[service]]\nname = \"six\"\naddress = \"[2001:db8::10]:80\"\nbackend = [{ address = \"10.0.0.1\" }]\n",
            "lb.toml:4: backend 10.0.0.1 is IPv4, but service six is IPv6",
            "write an IPv6 address: `nat` keeps the family",
        ),
        (
            &web("", r#"address = "192.0.2.10:8080""#),
            "lb.toml:6: backend 192.0.2.10 has the VIP of service web as its address",
            "write an address of the backend's own; it may have the VIP on its loopback interface",
        ),
        (
            &web(r#"forward = "dsr""#, r#"address = "192.0.2.10""#),
            "lb.toml:6: backend 192.0.2.10 has the VIP of service web as its address",
            "write an address of the backend's own; it may have the VIP on its loopback interface",
        ),
    ]);
}

#[test]
fn ports() {
    refused(&[
        (
            &web(r#"forward = "dsr""#, r#"address = "10.0.0.11:8080""#),
            "lb.toml:6: backend 10.0.0.11:8080 has another port than service web: 80",
            r#"write "10.0.0.11": forward mode `dsr` cannot change the port"#,
        ),
        (
            &web("", r#"address = "10.0.0.11:0""#),
            "lb.toml:6: backend 10.0.0.11:0 has port 0",
            r#"write "10.0.0.11": without one, the service's port is used"#,
        ),
        (
            "[[service]]\nname = \"all\"\naddress = \"192.0.2.1:0\"\nbackend = [{ address = \"10.0.0.1:80\" }]\n",
            "lb.toml:4: backend 10.0.0.1:80 has a port, but service all covers every port",
            r#"write "10.0.0.1": without one, the port that the client used is kept"#,
        ),
    ]);
}

#[test]
fn weights_and_names() {
    refused(&[
        (
            &web("", "address = \"10.0.0.11\"\nweight = 1001"),
            "lb.toml:7: `weight` is 1001",
            "write a number from 0 to 1000",
        ),
        (
            &web("", "address = \"10.0.0.11\"\nweight = -1"),
            "lb.toml:7: `weight` is -1",
            "write a number from 0 to 1000",
        ),
        (
            &web("", "address = \"10.0.0.11\"\nname = \"a/b\""),
            r#"lb.toml:7: backend name "a/b" is not a name"#,
            "write 1 to 63 letters, digits, dots, colons, hyphens and underscores",
        ),
    ]);
}

#[test]
fn twice() {
    refused(&[
        (
            &web("", "address = \"10.0.0.11\"\n[[service.backend]]\naddress = \"10.0.0.11:80\""),
            "lb.toml:8: service web has backend 10.0.0.11:80 already, on line 6",
            "leave one of them out",
        ),
        (
            &web(
                "",
                "address = \"10.0.0.11\"\nname = \"x\"\n[[service.backend]]\naddress = \"10.0.0.12\"\nname = \"x\"",
            ),
            "lb.toml:10: service web has a backend named x already, on line 7",
            "give each backend a name of its own",
        ),
        (
            &web(
                "",
                "address = \"10.0.0.11\"\n[[service.backend]]\naddress = \"10.0.0.12\"\nname = \"10.0.0.11\"",
            ),
            "lb.toml:9: service web has a backend named 10.0.0.11 already, on line 6",
            "give each backend a name of its own",
        ),
    ]);
}
