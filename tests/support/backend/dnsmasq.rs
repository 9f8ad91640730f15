//! A backend's DNS server: every name of the lab's zone is the backend's own address.

use std::net::SocketAddr;
use std::path::Path;

use crate::addresses::{DNS_ZONE, Family};
use crate::host::Host;
use crate::server::Server;

pub(super) fn server(host: &Host, directory: &Path) -> Server {
    let own_address = host.address(Family::V4);
    let words = [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--pid-file",
        "--log-facility=-",
        &format!("--address=/{DNS_ZONE}/{own_address}"),
    ];
    let listens_on = Family::BOTH.map(|family| SocketAddr::new(host.address(family), 53));
    let words = words.iter().map(|&word| word.to_owned()).collect();
    Server::new(words, &directory.join("dnsmasq.log"), listens_on.to_vec())
}
