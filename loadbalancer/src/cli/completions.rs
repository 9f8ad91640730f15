//! `completions` and `man`: made from the same definitions as the help texts.

use clap::CommandFactory;

use super::{Cli, error::CliError, output::Output};
use crate::api::Failure;

/// Print a script that completes commands and options in a shell.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// Shell to write it for.
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self, output: &mut Output) -> Result<(), CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "loadbalancer", &mut script);
        output.text(&String::from_utf8_lossy(&script))
    }
}

/// Print the manual page of the program or of one command.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// Command, such as `backend add`; without one, the program.
    command: Vec<String>,
}

impl Man {
    pub(super) fn run(self, output: &mut Output) -> Result<(), CliError> {
        let mut program = Cli::command();
        program.build();
        let mut command = &program;
        for name in &self.command {
            command = command.find_subcommand(name).ok_or_else(|| {
                CliError::Failed(Failure {
                    error: format!("there is no command `{}`", self.command.join(" ")),
                    because: Vec::new(),
                    hint: "`loadbalancer --help` lists the commands".to_owned(),
                })
            })?;
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command.clone()).render(&mut page)?;
        output.text(&String::from_utf8_lossy(&page))
    }
}
