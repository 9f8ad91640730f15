//! Words such as `tcp`, `nat` or `drop`: the names that the configuration and the API use.
//!
//! They are read and written by the types' own `serde` names, so that a new forward mode or
//! algorithm needs no change here.

use serde::{
    Serialize,
    de::{
        DeserializeOwned, IntoDeserializer,
        value::{Error, StrDeserializer},
    },
};

/// The value that a word names.
///
/// # Errors
///
/// When no value has that name; the message lists those that there are.
pub(super) fn parse<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    let deserializer: StrDeserializer<'_, Error> = word.into_deserializer();
    T::deserialize(deserializer).map_err(|error| {
        let text = error.to_string();
        // "unknown variant `x`, expected ...": the first half is said by the command line already.
        text.split_once(", ").map_or(text.clone(), |(_, expected)| expected.to_owned())
    })
}

/// The word that names a value.
pub(super) fn name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}
