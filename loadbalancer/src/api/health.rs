//! `/v1/health`: what the checks say of every backend.

use axum::{Json, Router, extract::State, routing::get};
use serde::Deserialize;

use super::{body::Parameters, failure::Refusal, services};
use crate::{daemon::Handle, stats::HealthReport};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthParameters {
    /// Only this service's backends; without one, all of them.
    service: Option<String>,
}

pub(super) fn routes() -> Router<Handle> {
    Router::new().route("/v1/health", get(health))
}

async fn health(
    State(handle): State<Handle>,
    Parameters(parameters): Parameters<HealthParameters>,
) -> Result<Json<HealthReport>, Refusal> {
    let mut report = handle.health().await?;
    if let Some(wanted) = parameters.service {
        report.backends.retain(|backend| backend.service == wanted);
        // A service without backends is not in the report, but it is there.
        if report.backends.is_empty() {
            services::find(&handle, &wanted).await?;
        }
    }
    Ok(Json(report))
}
