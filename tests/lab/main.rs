//! Labs: what users see, with real clients and servers around the shipped binary.
//!
//! One file a subject. Each test has a network of its own, so they run beside each other.

mod counters;
mod decap;
mod drain;
mod expect;
mod firewall;
mod health;
mod held;
mod iperf;
mod modes;
mod network;
mod ports;
mod postgres;
mod queries;
mod quic;
mod refusals;
mod reload;
mod restart;
mod router;
mod spread;
mod tls;
mod transfer;
mod vip;
