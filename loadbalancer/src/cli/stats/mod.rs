//! `stats`: counters and rates, once or again and again.

mod view;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{error::CliError, output::Output};
use crate::api::Client;

/// Show packets, bytes, connections and queries of services, backends and rules, and drops.
#[derive(Debug, clap::Args)]
pub(super) struct Stats {
    /// Only this service.
    service: Option<String>,
    /// Show them again every so many seconds, until Ctrl-C; with `--json`, a line each time.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "1",
        value_parser = parse_seconds
    )]
    watch: Option<Duration>,
    /// With the counters of each CPU.
    #[arg(long)]
    per_cpu: bool,
}

impl Stats {
    pub(super) async fn run(self, client: &Client, output: &mut Output) -> Result<(), CliError> {
        let Some(every) = self.watch else {
            return output.print(&client.stats(self.service.as_deref(), self.per_cpu).await?);
        };
        tokio::select! {
            ended = self.watch(every, client, output) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }

    async fn watch(
        &self,
        every: Duration,
        client: &Client,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            output.redraw(&client.stats(self.service.as_deref(), self.per_cpu).await?)?;
        }
    }
}

/// Shorter would load the daemon, longer is no watching.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 0.1..=3_600.0) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.1 to 3600 is expected".to_owned()),
    }
}
