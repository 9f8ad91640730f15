//! `decap`: on a backend, take packets out of the balancer's tunnel; count them; stop doing so.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    detach::Removed,
    error::CliError,
    output::{Output, View},
    page::{Colour, Page},
    run::LogFormat,
    stats::parse_seconds,
    status::interfaces,
    table::Table,
    units::{bytes, count},
    words,
};
use crate::{
    config::XdpMode,
    datapath,
    decap::{self, DEFAULT_PIN_DIRECTORY, DecapError, DecapStats, Options, Settings, read_stats},
};

/// On a backend: take packets out of the tunnel that a balancer put them in (IP in IP, GUE).
///
/// Runs in the foreground. What is addressed to this host's own addresses, by an allowed source, goes
/// to the host as if it had come without the tunnel: no tunnel device is needed. Everything else
/// passes untouched. When the process ends, the program stays and packets go on; `decap detach`
/// removes it.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Decap {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Stats(Stats),
    Detach(Detach),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Interface that encapsulated packets come in by; can be repeated.
    #[arg(long = "interface", value_name = "IF", required = true)]
    interfaces: Vec<String>,
    /// Outer source that may send encapsulated packets, a prefix or an address: the balancers, and
    /// nobody else. Whoever can send them can send packets with any inner source. Can be repeated.
    #[arg(long, value_name = "PREFIX", required = true, value_parser = parse_prefix)]
    allow: Vec<IpNet>,
    /// Inner destination that is accepted, a prefix or an address; can be repeated [default: any].
    #[arg(long = "vip", value_name = "PREFIX", value_parser = parse_prefix)]
    vips: Vec<IpNet>,
    /// UDP port that GUE comes in by.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = loadbalancer_common::GUE_PORT,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    gue_port: u16,
    /// Where packets are processed: `auto`, `native` in the driver, or `generic` in the network
    /// stack.
    #[arg(long, value_name = "MODE", default_value = "auto", value_parser = words::parse::<XdpMode>)]
    xdp_mode: XdpMode,
    /// Form of the log on standard error.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(flatten)]
    pins: Pins,
}

#[derive(Debug, clap::Args)]
struct Pins {
    /// Directory that program and maps are pinned in.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIRECTORY)]
    pin_directory: PathBuf,
}

/// Show packets and bytes that were taken out, by kind of tunnel, and drops by reason.
///
/// Works whether `decap` runs or has ended.
#[derive(Debug, clap::Args)]
struct Stats {
    /// Show them again every so many seconds, until Ctrl-C; with `--json`, a line each time.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "1",
        value_parser = parse_seconds
    )]
    watch: Option<Duration>,
    #[command(flatten)]
    pins: Pins,
}

/// Take the program and its maps out of the kernel. Counters are lost.
///
/// Meant for after `decap` has ended, in the same network namespace.
#[derive(Debug, clap::Args)]
struct Detach {
    #[command(flatten)]
    pins: Pins,
}

impl Decap {
    pub(super) async fn run(self, output: &mut Output) -> Result<(), CliError> {
        match self.command {
            None => self.run.run().await,
            Some(Command::Stats(stats)) => stats.run(output).await,
            Some(Command::Detach(detach)) => detach.run(output),
        }
    }
}

impl Run {
    async fn run(self) -> Result<(), CliError> {
        let options = Options {
            interfaces: self.interfaces,
            settings: Settings { allow: self.allow, vips: self.vips, gue_port: self.gue_port },
            xdp_mode: self.xdp_mode,
            pin_directory: self.pins.pin_directory,
            log_format: self.log_format,
        };
        decap::run(options).await.map_err(failed)
    }
}

impl Stats {
    async fn run(self, output: &mut Output) -> Result<(), CliError> {
        let directory = &self.pins.pin_directory;
        let Some(every) = self.watch else {
            return output.print(&read_stats(directory).map_err(failed)?);
        };
        let watch = async {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                output.redraw(&read_stats(directory).map_err(failed)?)?;
            }
        };
        tokio::select! {
            ended = watch => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }
}

impl Detach {
    fn run(self, output: &mut Output) -> Result<(), CliError> {
        let detached = datapath::detach(&self.pins.pin_directory)
            .map_err(|error| failed(DecapError::from(error)))?;
        output.print(&Removed { removed: detached.removed })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it ends here, as `map_err` gives it")]
fn failed(error: DecapError) -> CliError {
    CliError::failed(&error, &error.hint())
}

/// A prefix, or an address that stands for itself.
fn parse_prefix(text: &str) -> Result<IpNet, String> {
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let Ok(prefix) = parsed else {
        return Err("a prefix or an address is expected, such as 10.0.0.0/24 or 2001:db8::1".into());
    };
    let network = prefix.trunc();
    if network != prefix {
        return Err(format!(
            "it has bits behind its prefix length: write {network} for the network, or {} for the \
             address",
            prefix.addr()
        ));
    }
    Ok(prefix)
}

impl View for DecapStats {
    fn show(&self, page: &mut Page) {
        page.line(format_args!("interfaces: {}", interfaces(&self.interfaces)));
        page.gap();
        let kinds: Vec<_> = self.decapsulated.iter().filter(|(_, one)| one.packets > 0).collect();
        if kinds.is_empty() {
            page.line("nothing was decapsulated");
        } else {
            let table = Table::new()
                .words("TUNNEL", 0, kinds.iter().map(|(kind, _)| **kind))
                .numbers("PACKETS", 0, kinds.iter().map(|(_, one)| count(one.packets)))
                .numbers("BYTES", 0, kinds.iter().map(|(_, one)| bytes(one.bytes)));
            page.table(0, &table);
        }
        show_reasons("passed as they were", &self.passed, page);
        show_reasons("drops", &self.drops, page);
        if self.drops.values().all(|packets| *packets == 0) {
            page.gap();
            page.line("no drops");
        }
    }
}

fn show_reasons(
    title: &str,
    reasons: &std::collections::BTreeMap<&'static str, u64>,
    page: &mut Page,
) {
    let happened: Vec<_> = reasons.iter().filter(|(_, packets)| **packets > 0).collect();
    if happened.is_empty() {
        return;
    }
    page.gap();
    page.line(page.painted(Colour::Bold, title));
    let table = Table::new()
        .words("REASON", 0, happened.iter().map(|(reason, _)| **reason))
        .numbers("PACKETS", 0, happened.iter().map(|(_, packets)| count(**packets)));
    page.table(2, &table);
}
