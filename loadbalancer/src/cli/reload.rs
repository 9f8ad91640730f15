//! `reload`: apply the configuration file anew. Also how every command shows what it changed.

use super::{
    error::CliError,
    output::{Output, View},
    page::Page,
};
use crate::api::{Changes, Client};

/// Read the configuration file again and apply it, all or nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Reload {}

impl Reload {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        output.print(&client.reload().await?)
    }
}

impl View for Changes {
    fn show(&self, page: &mut Page) {
        if self.changes.is_empty() {
            page.line("nothing changed");
        }
        for change in &self.changes {
            page.line(change);
        }
    }
}
