//! `loadbalancer decap`, on a backend: takes packets out of the tunnel that a balancer put them in.
//!
//! An XDP program of its own with maps of its own, which hold this host's addresses, the sources
//! that may send, and counters. Like the balancer's, they are pinned: packets go on when the process
//! ends, and the next one takes over and replaces the program atomically. There is no daemon to ask:
//! `stats` reads the pinned maps.

mod error;
mod kernel;
mod run;
mod sets;
mod stats;

pub use error::DecapError;
pub use kernel::{Decapsulator, Settings};
pub use run::{Options, run};
pub use stats::{DecapStats, KindStats, read_stats};

/// Where `decap` pins unless it is told otherwise.
pub const DEFAULT_PIN_DIRECTORY: &str = "/sys/fs/bpf/loadbalancer-decap";
