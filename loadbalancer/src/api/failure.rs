//! How the API says no: a status, a message, its causes and a hint.

use std::error::Error;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{config::ConfigError, daemon::ControlError};

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened, and where.
    pub error: String,
    /// Why, from the nearest cause to the root.
    #[serde(default)]
    pub because: Vec<String>,
    /// What to do; empty when there is nothing to say.
    #[serde(default)]
    pub hint: String,
}

impl Failure {
    /// The message of an error, those of its sources, and a hint.
    pub fn new(error: &dyn Error, hint: &str) -> Self {
        let causes = std::iter::successors(error.source(), |&cause| cause.source());
        Self {
            error: error.to_string(),
            because: causes.map(ToString::to_string).collect(),
            hint: hint.to_owned(),
        }
    }
}

/// A [`Failure`] and the HTTP status that goes with it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    failure: Failure,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: String, hint: &str) -> Self {
        Self { status, failure: Failure { error, because: Vec::new(), hint: hint.to_owned() } }
    }

    pub(super) fn not_found(error: String, hint: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, hint)
    }

    pub(super) fn no_such_service(service: &str) -> Self {
        Self::not_found(
            format!("there is no service {service}"),
            "`loadbalancer service list` shows the services",
        )
    }

    pub(super) fn wrong_method(error: String) -> Self {
        let hint = "the API's page in the book lists the methods of each route";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, error, hint)
    }

    pub(super) fn because(mut self, error: &dyn Error) -> Self {
        self.failure.because.push(error.to_string());
        self
    }

    /// A refused addition: what is there already is a conflict, not a bad value.
    pub(super) fn of_addition(error: ControlError, is_there: bool) -> Self {
        let unfit = matches!(error, ControlError::Config(ConfigError::Unfit { .. }));
        let refusal = Self::from(error);
        if unfit && is_there { Self { status: StatusCode::CONFLICT, ..refusal } } else { refusal }
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let status = match error {
            ControlError::Config(ConfigError::Edit { .. }) => StatusCode::NOT_FOUND,
            ControlError::Config(ConfigError::Invalid { .. } | ConfigError::Unfit { .. }) => {
                StatusCode::BAD_REQUEST
            }
            ControlError::Config(ConfigError::Changed { .. }) => StatusCode::CONFLICT,
            ControlError::Config(ConfigError::File { .. }) | ControlError::Refused { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            ControlError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, failure: Failure::new(&error, error.hint()) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.failure)).into_response()
    }
}
