//! `/v1/stats`: counters and rates.

use axum::{Json, Router, extract::State, routing::get};
use serde::Deserialize;

use super::{body::Parameters, failure::Refusal};
use crate::{daemon::Handle, stats::Stats};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatsParameters {
    /// With the counters of each CPU.
    #[serde(default)]
    per_cpu: bool,
    /// Only this service; without one, all of them.
    service: Option<String>,
}

pub(super) fn routes() -> Router<Handle> {
    Router::new().route("/v1/stats", get(stats))
}

async fn stats(
    State(handle): State<Handle>,
    Parameters(parameters): Parameters<StatsParameters>,
) -> Result<Json<Stats>, Refusal> {
    let mut stats = handle.stats(parameters.per_cpu).await?;
    if let Some(wanted) = parameters.service {
        stats.services.retain(|service| service.name == wanted);
        if stats.services.is_empty() {
            return Err(Refusal::no_such_service(&wanted));
        }
    }
    Ok(Json(stats))
}
