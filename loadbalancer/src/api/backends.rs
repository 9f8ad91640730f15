//! `/v1/services/{service}/backends`: the backends of a service.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{patch, post},
};

use super::{Changes, body::Body, failure::Refusal, services};
use crate::{
    config::{BackendSettings, ConfigError, Edit, NewBackend},
    daemon::{ControlError, Handle},
};

pub(super) fn routes() -> Router<Handle> {
    Router::new()
        .route("/v1/services/{service}/backends", post(add))
        .route("/v1/services/{service}/backends/{backend}", patch(set).delete(remove))
}

async fn add(
    State(handle): State<Handle>,
    Path(service): Path<String>,
    Body(backend): Body<NewBackend>,
) -> Result<Json<Changes>, Refusal> {
    let edit = Edit::AddBackend { service: service.clone(), backend };
    match handle.edit(edit).await {
        Ok(changed) => Ok(Json(changed.into())),
        Err(error) => {
            // Either the service is missing or the backend is there already.
            let unfit = matches!(error, ControlError::Config(ConfigError::Edit { .. }));
            let missing = unfit && services::find(&handle, &service).await.is_err();
            let status = if missing { StatusCode::NOT_FOUND } else { StatusCode::CONFLICT };
            Err(Refusal::of_edit(&error, status))
        }
    }
}

async fn set(
    State(handle): State<Handle>,
    Path((service, backend)): Path<(String, String)>,
    Body(settings): Body<BackendSettings>,
) -> Result<Json<Changes>, Refusal> {
    edit(&handle, Edit::SetBackend { service, backend, settings }).await
}

async fn remove(
    State(handle): State<Handle>,
    Path((service, backend)): Path<(String, String)>,
) -> Result<Json<Changes>, Refusal> {
    edit(&handle, Edit::RemoveBackend { service, backend }).await
}

/// An edit of a backend that is there; when it is refused as unfit, the backend is not there.
async fn edit(handle: &Handle, edit: Edit) -> Result<Json<Changes>, Refusal> {
    let edited = handle.edit(edit).await;
    let changed = edited.map_err(|error| Refusal::of_edit(&error, StatusCode::NOT_FOUND))?;
    Ok(Json(changed.into()))
}
