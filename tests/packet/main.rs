//! Packet tests: a frame in, its verdict and every byte of the frame out, and every counter.
//!
//! The program is the real one, verified by this kernel and filled through the real configuration
//! and engine; `BPF_PROG_TEST_RUN` hands it the frames. One file a subject. What a frame shall
//! become is built a second time, from what the documents say, never by the code under test.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "only tests run this: what goes wrong shall end one at its place"
)]

mod balancer;
mod counts;
mod decap;
mod dissect;
mod dsr;
mod firewall;
mod frames;
mod nat;
mod nat_ports;
mod network;
mod parse;
mod property;
mod quic;
mod redirect;
mod select;
mod verifier;
