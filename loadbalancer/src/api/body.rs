//! Request bodies and query strings, refused in the API's own words.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{BODY_LIMIT, failure::Refusal};

/// A JSON body, whatever content type the client says it has.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            let hint = format!("a body has at most {BODY_LIMIT} bytes");
            let message = "cannot read the request's body".to_owned();
            Refusal::new(error.status(), message, &hint).because(&error)
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let message = "the request's body is not what this route takes".to_owned();
            let hint = "the API's page in the book shows a body for each route";
            Refusal::new(StatusCode::BAD_REQUEST, message, hint).because(&error)
        })
    }
}

/// The query string.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => {
                let message = "the query string is not what this route takes".to_owned();
                let hint = "the API's page in the book lists the parameters of each route";
                Err(Refusal::new(StatusCode::BAD_REQUEST, message, hint).because(&error))
            }
        }
    }
}
