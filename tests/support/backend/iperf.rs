//! A backend's iperf3 server: one measurement at a time, its control connection and its data on
//! one port, over TCP or UDP.

use std::net::SocketAddr;
use std::path::Path;

use crate::addresses::Family;
use crate::host::Host;
use crate::server::Server;

/// Port of the servers, the same as the VIP's.
pub const PORT: u16 = 5201;

pub(super) fn server(host: &Host, directory: &Path) -> Server {
    let port = PORT.to_string();
    let words = ["iperf3", "--server", "--forceflush", "--port", &port];
    let words = words.iter().map(|&word| word.to_owned()).collect();
    // One socket serves both families, and a connection that says nothing occupies it until it
    // ends: one look is enough.
    let listens_on = vec![SocketAddr::new(host.address(Family::V4), PORT)];
    Server::new(words, &directory.join("iperf3.log"), listens_on)
}
