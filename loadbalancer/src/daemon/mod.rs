//! The running daemon: one task, the controller, owns the state; everything else sends it messages.
//!
//! ```text
//! file, API ─► document ─┐
//! checks ────► health ───┼─► engine ─► changes ─► datapath
//! rtnetlink ─► next hops ┘
//! ```

mod controller;
mod error;
mod handle;
mod logging;
mod plane;
mod report;
mod signals;
mod start;

pub use error::StartError;
pub use handle::{Changed, ControlError, Handle, Reply, Request};
pub(crate) use logging::start as start_log;
pub use start::run;
