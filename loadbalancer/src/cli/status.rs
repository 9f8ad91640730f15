//! `status`: what runs, at a glance.

use super::{
    error::CliError,
    output::{Output, View},
    page::{Colour, Page},
    table::{Cell, Table},
    units::{counted, duration},
    words,
};
use crate::{
    api::Client,
    stats::{self, InterfaceStatus},
};

/// Show what runs: the daemon, its interfaces, how many services and backends, and warnings.
#[derive(Debug, clap::Args)]
pub(super) struct Status {}

impl Status {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        output.print(&client.status().await?)
    }
}

impl View for stats::Status {
    fn show(&self, page: &mut Page) {
        let version = page.painted(Colour::Bold, &format!("loadbalancer {}", self.version));
        let uptime = duration(self.uptime_seconds);
        page.line(format_args!("{version}, process {}, up {uptime}", self.pid));
        page.gap();
        let facts = self.facts();
        for (name, fact) in facts {
            page.line(format_args!("{name:<12}{fact}"));
        }
        let happened = self.events.iter().filter(|(_, count)| **count > 0);
        let events: Vec<_> = happened.collect();
        if !events.is_empty() {
            page.gap();
            let table = Table::new()
                .words("EVENT", 0, events.iter().map(|(event, _)| *event))
                .numbers("COUNT", 0, events.iter().map(|(_, count)| count.to_string()));
            page.table(0, &table);
        }
        if !self.warnings.is_empty() {
            page.gap();
        }
        for warning in &self.warnings {
            page.line(format_args!("{} {warning}", page.painted(Colour::Yellow, "warning:")));
        }
    }
}

impl stats::Status {
    fn facts(&self) -> [(&'static str, String); 6] {
        let backends = self.backends.iter().filter(|(_, count)| **count > 0);
        let backends: Vec<_> =
            backends.map(|(state, count)| format!("{count} {}", words::name(state))).collect();
        let config = self.config.clone();
        [
            ("config", config.unwrap_or_else(|| "none, changes are kept in memory".to_owned())),
            ("pinned in", self.pin_directory.clone()),
            ("interfaces", interfaces(&self.interfaces)),
            ("services", self.services.to_string()),
            ("backends", or_none(&backends)),
            ("firewall", counted(u64::try_from(self.firewall_rules).unwrap_or(u64::MAX), "rule")),
        ]
    }
}

/// Interfaces and modes in one line.
pub(super) fn interfaces(interfaces: &[InterfaceStatus]) -> String {
    let named =
        interfaces.iter().map(|interface| format!("{} ({})", interface.name, interface.mode));
    or_none(&named.collect::<Vec<_>>())
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// A backend's state in its colour.
pub(super) fn state(state: stats::BackendState) -> Cell {
    Cell::coloured(Colour::of(state), words::name(state))
}
