//! Changes that commands make to a configuration, also the bodies of the API's requests.

use serde::{Deserialize, Serialize};

use super::{AdminState, Algorithm, Forward, Protocol, RuleAction};

/// One change. Values are as a person writes them; validation follows with the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Adds a service without backends.
    AddService(NewService),
    /// Removes a service and its backends.
    RemoveService {
        /// Name of the service.
        service: String,
    },
    /// Adds a backend to a service.
    AddBackend {
        /// Name of the service.
        service: String,
        /// The backend.
        backend: NewBackend,
    },
    /// Changes a backend's settings.
    SetBackend {
        /// Name of the service.
        service: String,
        /// Name or address of the backend.
        backend: String,
        /// What changes.
        settings: BackendSettings,
    },
    /// Removes a backend from a service.
    RemoveBackend {
        /// Name of the service.
        service: String,
        /// Name or address of the backend.
        backend: String,
    },
    /// Adds a firewall rule behind the others.
    AddRule(NewRule),
    /// Removes a firewall rule.
    RemoveRule {
        /// Name of the rule.
        rule: String,
    },
}

/// A service to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewService {
    /// Unique among services.
    pub name: String,
    /// VIP and port, such as `192.0.2.10:80`.
    pub address: String,
    /// Transport protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// Forward mode.
    #[serde(default)]
    pub forward: Forward,
    /// Algorithm.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Kind of health check; default `tcp` for TCP services, `none` for UDP services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Whether QUIC connections are followed by their ids.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quic: bool,
}

/// A backend to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBackend {
    /// Address with or without port; without one the port of the service is meant.
    pub address: String,
    /// Name; default: the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Weight; default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Whether it is a backup.
    #[serde(default)]
    pub backup: bool,
    /// What names it in connection ids of QUIC, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
}

/// What changes of a backend; `None` leaves a setting as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendSettings {
    /// New weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Whether it is a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// What the operator wants of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AdminState>,
}

/// A firewall rule to add.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Unique among rules.
    pub name: String,
    /// Source prefixes or addresses.
    pub source: Vec<String>,
    /// What happens to a packet from them.
    pub action: RuleAction,
}
