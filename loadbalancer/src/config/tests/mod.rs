//! The configuration as users meet it: files, refusals, edits.

mod edits;
mod model;
mod quic;
mod refusals;
mod values;

use std::path::Path;

use super::{Config, ConfigError, Document};

/// One service with one backend, and room for keys before the backend.
fn web(service: &str, backend: &str) -> String {
    format!(
        "[[service]]\nname = \"web\"\naddress = \"192.0.2.10:80\"\n{service}\n\
         [[service.backend]]\n{backend}"
    )
}

fn parse(text: &str) -> Result<Document, ConfigError> {
    Document::parse(text, Path::new("lb.toml"))
}

fn config(text: &str) -> Config {
    match parse(text) {
        Ok(document) => document.config().clone(),
        Err(error) => panic!("{error}\nhint: {}\n{text}", error.hint()),
    }
}
