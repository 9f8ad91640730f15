//! HTTP and JSON on a Unix socket, and a read-only listener on TCP.
//!
//! One file a noun. Handlers hold no state: each asks the controller through its
//! [`Handle`] and words the answer. Bounds: 64 connections for each
//! listener, 64 KiB for a request's body.

mod backends;
mod body;
mod client;
mod daemon;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod firewall;
mod health;
mod limit;
mod listener;
mod model;
mod serve;
mod services;
mod stats;
#[cfg(test)]
mod tests;

use axum::{Router, extract::DefaultBodyLimit, http::Method, http::Uri};

use self::failure::Refusal;
use crate::daemon::Handle;

pub use client::{Client, ClientError};
pub use failure::Failure;
pub use model::{BackendView, Changes, FirewallView, RuleView, ServiceList, ServiceView};
pub use serve::{Listener, ServeError, Socket, serve_listener, serve_socket};

/// Longest body of a request: far more than any edit needs.
const BODY_LIMIT: usize = 64 * 1024;

/// Everything that the Unix socket answers.
fn socket_router(handle: Handle) -> Router {
    Router::new()
        .merge(daemon::routes())
        .merge(stats::routes())
        .merge(health::routes())
        .merge(services::routes())
        .merge(backends::routes())
        .merge(firewall::routes())
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(handle)
}

async fn no_such_route(uri: Uri) -> Refusal {
    Refusal::not_found(
        format!("there is nothing at {}", uri.path()),
        "the routes begin with `/v1/`; the API's page in the book lists them",
    )
}

async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    Refusal::wrong_method(format!("{} does not take {method}", uri.path()))
}
