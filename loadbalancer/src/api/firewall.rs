//! `/v1/firewall/rules`: the firewall's rules.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get},
};
use serde::Deserialize;

use super::{Changes, FirewallView, RuleView, body::Body, failure::Refusal};
use crate::{
    config::{Edit, NewRule, RuleAction},
    daemon::Handle,
};

pub(super) fn routes() -> Router<Handle> {
    Router::new()
        .route("/v1/firewall/rules", get(list).post(add))
        .route("/v1/firewall/rules/{rule}", delete(remove))
}

/// What matters here of the running configuration's text.
#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    firewall: Firewall,
}

#[derive(Default, Deserialize)]
struct Firewall {
    #[serde(default)]
    default: RuleAction,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    name: String,
    source: Vec<String>,
    action: RuleAction,
}

/// The firewall of the running configuration.
async fn running(handle: &Handle) -> Result<Firewall, Refusal> {
    let text = handle.config().await?;
    let Document { firewall } = toml::from_str(&text).map_err(|error| {
        let message = "cannot read the firewall's rules in the running configuration".to_owned();
        let hint = "`loadbalancer config show` prints it";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message, hint).because(&error)
    })?;
    Ok(firewall)
}

/// Rules come from the configuration, which knows their prefixes; counters from the maps.
async fn list(State(handle): State<Handle>) -> Result<Json<FirewallView>, Refusal> {
    let firewall = running(&handle).await?;
    let counted = handle.stats(false).await?.firewall;
    let counted: HashMap<_, _> =
        counted.iter().map(|rule| (rule.rule.as_str(), (rule.packets, rule.bytes))).collect();
    let rules = firewall.rules.into_iter().map(|rule| {
        let (packets, bytes) = counted.get(rule.name.as_str()).copied().unwrap_or_default();
        let Rule { name, source, action } = rule;
        RuleView { name, source, action, packets, bytes }
    });
    Ok(Json(FirewallView { default: firewall.default, rules: rules.collect() }))
}

async fn add(
    State(handle): State<Handle>,
    Body(rule): Body<NewRule>,
) -> Result<Json<Changes>, Refusal> {
    match handle.edit(Edit::AddRule(rule.clone())).await {
        Ok(changed) => Ok(Json(changed.into())),
        Err(error) => {
            let rules = running(&handle).await?.rules;
            let is_there = rules.iter().any(|one| {
                one.name == rule.name || one.source.iter().any(|one| rule.source.contains(one))
            });
            Err(Refusal::of_addition(error, is_there))
        }
    }
}

async fn remove(
    State(handle): State<Handle>,
    Path(rule): Path<String>,
) -> Result<Json<Changes>, Refusal> {
    Ok(Json(handle.edit(Edit::RemoveRule { rule }).await?.into()))
}
