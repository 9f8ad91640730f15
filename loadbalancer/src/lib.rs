//! The userspace side of loadbalancer: one binary, a thin `main` over this library.
//!
//! Data flows one way: configuration and health go through [`engine`] to [`datapath`] and so to the
//! maps; the maps go through [`stats`] to every view. [`cli`] talks only to [`api`]. [`decap`] is a
//! backend's side of a tunnel and stands apart.

pub mod api;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod datapath;
pub mod decap;
pub mod engine;
pub mod health;
pub mod maglev;
pub mod network;
pub mod stats;
