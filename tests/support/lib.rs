//! Labs: hosts in network namespaces on one switch, real servers and clients, and the shipped daemon between them.
//!
//! Nothing here links the `loadbalancer` crate: a lab runs the binary, as its users do, and reads
//! what it prints. Everything a lab makes carries the lab's name, which holds the process id of
//! its owner: the lab removes it when it is dropped, and the next lab of any process removes what
//! an owner that was killed left behind.
#![expect(
    clippy::missing_errors_doc,
    reason = "every function fails for one reason, with an error that says what could not be done"
)]

pub mod addresses;
mod backend;
mod bpffs;
mod certificate;
mod command;
mod config;
mod daemon;
mod decap;
pub mod dns;
mod host;
pub mod http;
mod lab;
pub mod leftovers;
mod name;
mod namespace;
mod network;
mod process;
mod program;
mod router;
mod server;
mod services;
pub mod stats;
mod switch;
mod tally;
mod tunnel;
mod wait;
mod xdp_pass;

pub use addresses::Family;
pub use backend::{Backend, IPERF_PORT, LARGE_BYTES, POSTGRES_PORT, SECURE_PORT, WEB_PORT};
pub use bpffs::ensure_mounted;
pub use certificate::Certificate;
pub use command::{Finished, run};
pub use config::{BackendEntry, Config, Forward, Health, Protocol, Rule, Service};
pub use daemon::{Daemon, binary};
pub use decap::Decap;
pub use host::Host;
pub use lab::{Lab, LabBuilder};
pub use name::{LabName, ensure_root};
pub use namespace::Namespace;
pub use network::{Network, Plan};
pub use process::Process;
pub use program::Program;
pub use router::{Routed, Router};
pub use switch::{Cable, ETHERNET_MTU, Segment, Switch};
pub use tally::Tally;
pub use tunnel::{Encapsulation, Tunnel};
pub use wait::wait_until;
