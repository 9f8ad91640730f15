//! `/v1/status`, `/v1/config`, `/v1/reload`: the daemon as a whole.

use axum::{
    Json, Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::{get, post},
};

use super::{Changes, failure::Refusal};
use crate::{daemon::Handle, stats::Status};

pub(super) fn routes() -> Router<Handle> {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/config", get(config))
        .route("/v1/reload", post(reload))
}

async fn status(State(handle): State<Handle>) -> Result<Json<Status>, Refusal> {
    Ok(Json(handle.status().await?))
}

async fn config(State(handle): State<Handle>) -> Result<impl IntoResponse, Refusal> {
    let text = handle.config().await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

async fn reload(State(handle): State<Handle>) -> Result<Json<Changes>, Refusal> {
    Ok(Json(handle.reload().await?.into()))
}
