//! The program of backends: a frame from a balancer in, what the host gets out, and every counter.

mod backend;
mod congestion;
mod destinations;
mod malformed;
mod sources;
mod tunnel;
mod tunnels;
mod untouched;
mod verifier;
