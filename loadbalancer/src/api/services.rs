//! `/v1/services`: the services, and one of them.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};

use super::{Changes, ServiceList, ServiceView, body::Body, failure::Refusal};
use crate::{
    config::{Edit, NewService},
    daemon::Handle,
};

pub(super) fn routes() -> Router<Handle> {
    Router::new()
        .route("/v1/services", get(list).post(add))
        .route("/v1/services/{service}", get(show).delete(remove))
}

/// The service of that name.
pub(super) async fn find(handle: &Handle, name: &str) -> Result<ServiceView, Refusal> {
    let mut services = handle.stats(false).await?.services.into_iter();
    match services.find(|service| service.name == name) {
        Some(service) => Ok(service.into()),
        None => Err(Refusal::no_such_service(name)),
    }
}

async fn list(State(handle): State<Handle>) -> Result<Json<ServiceList>, Refusal> {
    let services = handle.stats(false).await?.services;
    Ok(Json(ServiceList { services: services.into_iter().map(ServiceView::from).collect() }))
}

async fn show(
    State(handle): State<Handle>,
    Path(service): Path<String>,
) -> Result<Json<ServiceView>, Refusal> {
    Ok(Json(find(&handle, &service).await?))
}

async fn add(
    State(handle): State<Handle>,
    Body(service): Body<NewService>,
) -> Result<Json<Changes>, Refusal> {
    match handle.edit(Edit::AddService(service.clone())).await {
        Ok(changed) => Ok(Json(changed.into())),
        Err(error) => {
            let services = handle.stats(false).await?.services;
            let is_there = services.iter().any(|one| {
                let same_endpoint =
                    one.address == service.address && one.protocol == service.protocol;
                one.name == service.name || same_endpoint
            });
            Err(Refusal::of_addition(error, is_there))
        }
    }
}

async fn remove(
    State(handle): State<Handle>,
    Path(service): Path<String>,
) -> Result<Json<Changes>, Refusal> {
    Ok(Json(handle.edit(Edit::RemoveService { service }).await?.into()))
}
