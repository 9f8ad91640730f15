//! `[firewall]`

use std::{collections::HashMap, net::IpAddr, ops::Range};

use ipnet::IpNet;

use super::value::{name, required, word};
use crate::config::{
    ConfigError, FirewallConfig, Limits, RuleAction, RuleConfig,
    raw::{RawFirewall, RawRule, Text},
    source::Source,
};

/// The name under which packets are counted that no rule matches, when the default is to drop.
pub(super) const DEFAULT_RULE: &str = "default";

/// `[firewall]`
pub(super) fn firewall(
    source: &Source<'_>,
    raw: &RawFirewall,
    limits: &Limits,
) -> Result<FirewallConfig, ConfigError> {
    let default = word(source, "default", raw.default.as_ref(), RuleAction::default())?;
    let mut rules: Vec<RuleConfig> = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut owners: HashMap<IpNet, String> = HashMap::new();
    for raw in &raw.rule {
        let rule = rule(source, raw.get_ref(), &raw.span(), &mut owners)?;
        let span = raw.get_ref().name.as_ref().map_or_else(|| raw.span(), toml::Spanned::span);
        if let Some(line) = lines.insert(rule.name.clone(), source.line(&span)) {
            let message = format!("rule {} exists already, on line {line}", rule.name);
            return Err(source.invalid(&span, message, "give each rule a name of its own"));
        }
        rules.push(rule);
        if rules.len() > limits.rules as usize {
            let message =
                format!("this is rule {}, and the limit is {}", rules.len(), limits.rules);
            return Err(source.invalid(&span, message, "raise `rules` in [datapath.limits]"));
        }
    }
    check_prefixes(source, raw, limits, &owners, default)?;
    Ok(FirewallConfig { default, rules })
}

/// `[[firewall.rule]]`
fn rule(
    source: &Source<'_>,
    raw: &RawRule,
    at: &Range<usize>,
    owners: &mut HashMap<IpNet, String>,
) -> Result<RuleConfig, ConfigError> {
    let text = required(source, at, "rule", "name", "\"no-scanners\"", raw.name.as_ref())?;
    let name = name(source, "rule", text)?;
    if name == DEFAULT_RULE {
        let message = format!("rule name \"{DEFAULT_RULE}\" is taken by the firewall's default");
        return Err(source.invalid(&text.span(), message, "choose another name"));
    }
    let example = "[\"198.51.100.0/24\"]";
    let texts = required(source, at, "rule", "source", example, raw.source.as_ref())?;
    if texts.get_ref().is_empty() {
        let hint = format!("write at least one prefix, such as {example}");
        return Err(source.invalid(&texts.span(), format!("rule {name} has no source"), hint));
    }
    let mut prefixes = Vec::new();
    for text in texts.get_ref() {
        let prefix = prefix(source, text)?;
        if let Some(owner) = owners.insert(prefix, name.clone()) {
            let message = if owner == name {
                format!("source {prefix} is twice in rule {name}")
            } else {
                format!("source {prefix} is in rule {owner} and in rule {name}")
            };
            return Err(source.invalid(&text.span(), message, "leave it in one place"));
        }
        prefixes.push(prefix);
    }
    required(source, at, "rule", "action", "\"drop\"", raw.action.as_ref())?;
    let action = word(source, "action", raw.action.as_ref(), RuleAction::default())?;
    Ok(RuleConfig { name, source: prefixes, action })
}

/// A prefix, or an address that stands for itself.
fn prefix(source: &Source<'_>, text: &Text) -> Result<IpNet, ConfigError> {
    let written = text.get_ref();
    let parsed = written.parse::<IpNet>().or_else(|_| written.parse::<IpAddr>().map(IpNet::from));
    let Ok(prefix) = parsed else {
        return Err(source.invalid(
            &text.span(),
            format!("source {written:?} is not a prefix"),
            "write a prefix or an address, such as \"198.51.100.0/24\" or \"2001:db8::1\"",
        ));
    };
    let truncated = prefix.trunc();
    if truncated != prefix {
        return Err(source.invalid(
            &text.span(),
            format!("source {written} has bits behind its prefix length"),
            format!("write {truncated} for the network, or {} for the address", prefix.addr()),
        ));
    }
    Ok(prefix)
}

/// Refuses more prefixes of a family than the maps hold.
fn check_prefixes(
    source: &Source<'_>,
    raw: &RawFirewall,
    limits: &Limits,
    owners: &HashMap<IpNet, String>,
    default: RuleAction,
) -> Result<(), ConfigError> {
    let catch_all = usize::from(default == RuleAction::Drop);
    for (family, is_v4) in [("IPv4", true), ("IPv6", false)] {
        let count = owners.keys().filter(|one| one.addr().is_ipv4() == is_v4).count() + catch_all;
        if count > limits.prefixes as usize {
            let at = raw.rule.last().map(toml::Spanned::span).unwrap_or_default();
            return Err(source.invalid(
                &at,
                format!(
                    "the rules have {count} {family} prefixes, the limit is {}",
                    limits.prefixes
                ),
                "raise `prefixes` in [datapath.limits]",
            ));
        }
    }
    Ok(())
}
