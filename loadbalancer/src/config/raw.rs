//! The shape of the file: which keys exist and of which type, with the place of each value.
//!
//! Everything is optional here and nothing has a meaning yet; that is validation's part.

use serde::Deserialize;
use toml::Spanned;

use super::{ConfigError, source::Source};

/// A string with its place.
pub(super) type Text = Spanned<String>;
/// A number with its place.
pub(super) type Number = Spanned<i64>;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) datapath: RawDatapath,
    pub(super) nat: RawNat,
    pub(super) api: RawApi,
    pub(super) service: Vec<Spanned<RawService>>,
    pub(super) firewall: RawFirewall,
}

/// `[datapath]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawDatapath {
    pub(super) interfaces: Vec<Text>,
    pub(super) xdp_mode: Option<Text>,
    pub(super) pin_directory: Option<Text>,
    pub(super) limits: RawLimits,
}

/// `[datapath.limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) services: Option<Number>,
    pub(super) backends: Option<Number>,
    pub(super) connections: Option<Number>,
    pub(super) lookup_slots: Option<Number>,
    pub(super) rules: Option<Number>,
    pub(super) prefixes: Option<Number>,
}

/// `[nat]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawNat {
    pub(super) addresses: Vec<Text>,
    pub(super) ports: Option<Text>,
}

/// `[api]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawApi {
    pub(super) socket: Option<Text>,
    pub(super) listen: Option<Text>,
}

/// `[[service]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawService {
    pub(super) name: Option<Text>,
    pub(super) address: Option<Text>,
    pub(super) protocol: Option<Text>,
    pub(super) forward: Option<Text>,
    pub(super) algorithm: Option<Text>,
    pub(super) table_size: Option<Number>,
    pub(super) min_healthy: Option<Number>,
    pub(super) quic: Option<Spanned<bool>>,
    pub(super) quic_lb: Vec<Spanned<RawQuicLb>>,
    pub(super) health: RawHealth,
    pub(super) backend: Vec<Spanned<RawBackend>>,
}

/// `[service.health]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawHealth {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text>,
    pub(super) path: Option<Text>,
    pub(super) host: Option<Text>,
    pub(super) port: Option<Number>,
    pub(super) interval: Option<Text>,
    pub(super) timeout: Option<Text>,
    pub(super) rise: Option<Number>,
    pub(super) fall: Option<Number>,
}

/// `[[service.quic_lb]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawQuicLb {
    pub(super) config_rotation: Option<Number>,
    pub(super) server_id_length: Option<Number>,
    pub(super) nonce_length: Option<Number>,
    pub(super) key: Option<Text>,
}

/// `[[service.backend]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawBackend {
    pub(super) name: Option<Text>,
    pub(super) address: Option<Text>,
    pub(super) weight: Option<Number>,
    pub(super) backup: bool,
    pub(super) state: Option<Text>,
    pub(super) server_id: Option<Text>,
}

/// `[firewall]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawFirewall {
    pub(super) default: Option<Text>,
    pub(super) rule: Vec<Spanned<RawRule>>,
}

/// `[[firewall.rule]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) name: Option<Text>,
    pub(super) source: Option<Spanned<Vec<Text>>>,
    pub(super) action: Option<Text>,
}

/// Reads the shape of a file.
///
/// # Errors
///
/// When the text is not TOML, has an unknown key, or a value of another type.
pub(super) fn parse(source: &Source<'_>) -> Result<RawConfig, ConfigError> {
    toml::from_str(source.text).map_err(|error| explain(source, &error))
}

/// Says what is wrong in the words of this project instead of the parser's.
fn explain(source: &Source<'_>, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let message = error.message();
    if message.starts_with("unknown field ") {
        // Names are in backquotes: the unknown one, then those that exist here.
        let mut names = message.split('`').skip(1).step_by(2);
        let unknown = names.next().unwrap_or_default();
        let known: Vec<&str> = names.collect();
        return source.invalid(&span, format!("unknown key `{unknown}`"), nearest(unknown, &known));
    }
    if let Some((found, wanted)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        if (found, wanted) == ("map", "a sequence") {
            let hint = "write [[...]] in place of [...]: there can be several";
            return source.invalid(&span, "found one table in place of a list of tables", hint);
        }
        let (wanted, hint) = match wanted {
            "a string" => ("a string", "write it in quotes: \"...\""),
            "i64" => ("a number", "write a whole number, without quotes"),
            "a boolean" => ("true or false", "write true or false, without quotes"),
            "a sequence" => ("a list", "write a list as [...], and a table in a list as [[...]]"),
            _ => ("a table", "write a table as [...], with its keys below"),
        };
        return source.invalid(&span, format!("found {found} in place of {wanted}"), hint);
    }
    source.invalid(
        &span,
        format!("not valid TOML: {message}"),
        "write `key = value`, strings in quotes, tables as [...] and tables in a list as [[...]]",
    )
}

/// Which key may have been meant, or which ones exist.
fn nearest(unknown: &str, known: &[&str]) -> String {
    if known.contains(&"source") && ["protocol", "destination_port"].contains(&unknown) {
        return "rules match by `source` alone in this version: leave it out".to_owned();
    }
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .min()
        .filter(|&(distance, known)| distance <= 1 + known.len().min(unknown.len()) / 4);
    match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("the keys here are: {}", known.join(", ")),
    }
}
