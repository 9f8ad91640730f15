//! The command line: one file a noun; talks only to the API.
//!
//! Arguments come in through [`dispatch`], text goes out through [`Output`], the only place that
//! prints; the exit status is decided here and nowhere else.

mod backend;
mod completions;
mod config;
mod decap;
mod detach;
mod error;
mod firewall;
mod health;
mod output;
mod page;
mod reload;
mod run;
mod service;
mod stats;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod units;
mod words;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use crate::api::Client;

pub use error::CliError;
pub use output::{Output, Screen};
pub use run::{LogFormat, RunArgs};

const DEFAULT_SOCKET: &str = "/run/loadbalancer/api.sock";

/// An XDP load balancer and stateless firewall for Linux.
#[derive(Debug, Parser)]
#[command(name = "loadbalancer", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Unix socket of the daemon; `run` listens there, whatever the configuration says
    /// [default: /run/loadbalancer/api.sock]
    #[arg(long, global = true, env = "LOADBALANCER_SOCKET", hide_env = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print JSON instead of tables, with exact numbers.
    #[arg(long, global = true)]
    json: bool,
    /// Print without colours; so does the environment variable `NO_COLOR`.
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(RunArgs),
    Status(status::Status),
    Reload(reload::Reload),
    Detach(detach::Detach),
    /// Check a configuration file, or show the configuration that runs.
    #[command(subcommand)]
    Config(config::Config),
    /// Add, remove and list services.
    #[command(subcommand)]
    Service(service::Service),
    /// Add, change, drain, remove and list the backends of services.
    #[command(subcommand)]
    Backend(backend::Backend),
    /// Add, remove and list firewall rules.
    #[command(subcommand)]
    Firewall(firewall::Firewall),
    Stats(stats::Stats),
    Health(health::Health),
    Decap(decap::Decap),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// How a command ended. The numbers are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It did what was asked.
    Done,
    /// It was refused, or failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// The daemon does not answer.
    NoDaemon,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::NoDaemon => 3,
        })
    }
}

/// The whole program: the process's own arguments, its standard output and error.
pub fn main() -> ExitCode {
    let mut output = Output::standard();
    let status = match parse(std::env::args_os().collect(), &mut output) {
        Ok(cli) => match runtime(&cli.command) {
            Ok(runtime) => runtime.block_on(execute(cli, &mut output)),
            Err(error) => {
                let hint = "see whether this process may start threads and open files";
                report(&CliError::failed(&error, hint), &mut output)
            }
        },
        Err(status) => status,
    };
    status.into()
}

/// Runs one command line, the program's name included.
pub async fn dispatch(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    output: &mut Output,
) -> ExitStatus {
    match parse(arguments.into_iter().map(Into::into).collect(), output) {
        Ok(cli) => execute(cli, output).await,
        Err(status) => status,
    }
}

/// The daemon works on every CPU; a command that asks it one thing needs no more than this thread.
fn runtime(command: &Command) -> io::Result<tokio::runtime::Runtime> {
    let mut builder = if matches!(command, Command::Run(_)) {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build()
}

fn parse(arguments: Vec<OsString>, output: &mut Output) -> Result<Cli, ExitStatus> {
    let plain = arguments.iter().any(|argument| argument == "--no-color");
    Cli::try_parse_from(arguments).map_err(|error| {
        output.configure(false, plain);
        match output.usage(&error) {
            Ok(()) if error.use_stderr() => ExitStatus::Usage,
            Ok(()) => ExitStatus::Done,
            Err(error) => report(&error, output),
        }
    })
}

async fn execute(cli: Cli, output: &mut Output) -> ExitStatus {
    output.configure(cli.global.json, cli.global.no_color);
    match carry_out(cli, output).await {
        Ok(()) => ExitStatus::Done,
        Err(error) => report(&error, output),
    }
}

async fn carry_out(cli: Cli, output: &mut Output) -> Result<(), CliError> {
    let Cli { global, command } = cli;
    let socket = global.socket.as_deref().unwrap_or(Path::new(DEFAULT_SOCKET));
    let client = Client::new(socket);
    match command {
        Command::Run(run) => run.run(global.socket).await,
        Command::Status(status) => status.run(&client, output).await,
        Command::Reload(reload) => reload.run(&client, output).await,
        Command::Detach(detach) => detach.run(output),
        Command::Config(config) => config.run(&client, output).await,
        Command::Service(service) => service.run(&client, output).await,
        Command::Backend(backend) => backend.run(&client, output).await,
        Command::Firewall(firewall) => firewall.run(&client, output).await,
        Command::Stats(stats) => stats.run(&client, output).await,
        Command::Health(health) => health.run(&client, output).await,
        Command::Decap(decap) => decap.run(output).await,
        Command::Completions(completions) => completions.run(output),
        Command::Man(man) => man.run(output),
    }
}

fn report(error: &CliError, output: &mut Output) -> ExitStatus {
    output.error(error);
    match error {
        CliError::Client(error) if !error.daemon_answered() => ExitStatus::NoDaemon,
        CliError::Client(_) | CliError::Failed(_) | CliError::Output(_) => ExitStatus::Failed,
        // Whoever read the output has read enough, as `head` does.
        CliError::OutputClosed => ExitStatus::Done,
    }
}
