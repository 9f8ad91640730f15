//! The stages that a packet crosses, one file each, in the order of `balance` in `main.rs`.

pub(crate) mod firewall;
pub(crate) mod local;
pub(crate) mod quic;
pub(crate) mod reply;
pub(crate) mod select;
pub(crate) mod service;
