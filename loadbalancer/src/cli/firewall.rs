//! `firewall`: rules for packets by where they come from.

use super::{
    error::CliError,
    output::{Output, View},
    page::Page,
    table::Table,
    units, words,
};
use crate::{
    api::{Client, FirewallView},
    config::{NewRule, RuleAction},
};

/// Add, remove and list firewall rules.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Firewall {
    Add(Add),
    Remove(Remove),
    List(List),
}

/// Add a firewall rule behind the others.
///
/// Where prefixes of several rules contain a packet's source, the longest prefix decides.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Name of the new rule.
    name: String,
    /// Source prefixes or addresses, such as `198.51.100.0/24 2001:db8:bad::/48`.
    #[arg(long, value_name = "PREFIX", num_args = 1.., required = true)]
    source: Vec<String>,
    /// What happens to packets from there: `drop` or `pass`.
    #[arg(long, value_parser = words::parse::<RuleAction>)]
    action: RuleAction,
}

/// Remove a firewall rule.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Rule name, as `firewall list` shows it.
    name: String,
}

/// List the firewall's rules and what they decided.
#[derive(Debug, clap::Args)]
pub(super) struct List {}

impl Firewall {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Add(Add { name, source, action }) => {
                output.print(&client.add_rule(&NewRule { name, source, action }).await?)
            }
            Self::Remove(remove) => output.print(&client.remove_rule(&remove.name).await?),
            Self::List(_) => output.print(&client.firewall().await?),
        }
    }
}

/// The first few prefixes; a rule may have thousands, and the JSON has them all.
fn sources(prefixes: &[String]) -> String {
    match prefixes {
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}

impl View for FirewallView {
    fn show(&self, page: &mut Page) {
        let default = words::name(self.default);
        let rules = &self.rules;
        if rules.is_empty() {
            page.line(format_args!("no rules; every packet: {default}"));
            return;
        }
        let table = Table::new()
            .words("RULE", 0, rules.iter().map(|rule| &rule.name))
            .words("ACTION", 0, rules.iter().map(|rule| words::name(rule.action)))
            .numbers("PACKETS", 0, rules.iter().map(|rule| units::count(rule.packets)))
            .numbers("BYTES", 1, rules.iter().map(|rule| units::bytes(rule.bytes)))
            .words("SOURCE", 0, rules.iter().map(|rule| sources(&rule.source)));
        page.table(0, &table);
        page.gap();
        page.line(format_args!("every other packet: {default}"));
    }
}
