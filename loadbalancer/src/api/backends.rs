//! `/v1/services/{service}/backends`: the backends of a service.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{patch, post},
};

use super::{BackendView, Changes, body::Body, failure::Refusal, services};
use crate::{
    config::{BackendSettings, Edit, NewBackend},
    daemon::Handle,
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
    let edit = Edit::AddBackend { service: service.clone(), backend: backend.clone() };
    match handle.edit(edit).await {
        Ok(changed) => Ok(Json(changed.into())),
        Err(error) => {
            let known = services::find(&handle, &service).await.map(|service| service.backends);
            let is_there = known.unwrap_or_default().iter().any(|one| is_same(one, &backend));
            Err(Refusal::of_addition(error, is_there))
        }
    }
}

/// Whether a backend would have the name or the address of one that is there.
fn is_same(known: &BackendView, new: &NewBackend) -> bool {
    let ip = |address: &str| address.parse().map(|address: SocketAddr| address.ip()).ok();
    known.name == *new.name.as_ref().unwrap_or(&new.address)
        || known.address == new.address
        || new.address.parse().ok().is_some_and(|new| ip(&known.address) == Some(new))
}

async fn set(
    State(handle): State<Handle>,
    Path((service, backend)): Path<(String, String)>,
    Body(settings): Body<BackendSettings>,
) -> Result<Json<Changes>, Refusal> {
    Ok(Json(handle.edit(Edit::SetBackend { service, backend, settings }).await?.into()))
}

async fn remove(
    State(handle): State<Handle>,
    Path((service, backend)): Path<(String, String)>,
) -> Result<Json<Changes>, Refusal> {
    Ok(Json(handle.edit(Edit::RemoveBackend { service, backend }).await?.into()))
}
