//! The running daemon: one task, the controller, owns the state; everything else sends it messages.

mod handle;

pub use handle::{Changed, ControlError, Handle, Reply, Request};
