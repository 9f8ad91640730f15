//! The read-only listener on TCP: metrics for Prometheus and a health page for other balancers.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

use super::failure::Refusal;
use crate::{
    daemon::Handle,
    stats::{METRICS_CONTENT_TYPE, metrics_text},
};

const INDEX: &str = "\
loadbalancer

/metrics   counters for Prometheus
/healthz   200 while the daemon answers
";

/// Everything that the TCP listener answers.
pub(super) fn router(handle: Handle) -> Router {
    Router::new()
        .route("/", get(|| async { INDEX }))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, INDEX) })
        .with_state(handle)
}

async fn healthz(State(handle): State<Handle>) -> Result<&'static str, Refusal> {
    handle.status().await?;
    Ok("ok\n")
}

async fn metrics(State(handle): State<Handle>) -> Result<impl IntoResponse, Refusal> {
    let text = metrics_text(handle.stats(false).await?, handle.status().await?);
    Ok(([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], text))
}
