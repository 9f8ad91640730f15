//! Everything a person runs while developing loadbalancer: `cargo xtask COMMAND`.
//!
//! One command a file. Each sees to it that the machine is set up before it does its own work.

mod cargo;
mod command;
mod demo;
mod report;
mod setup;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, try and test loadbalancer.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Setup(setup::Setup),
    Demo(demo::Demo),
    Test(test::Test),
}

fn main() -> ExitCode {
    let result = match Xtask::parse().task {
        Task::Setup(setup) => setup.run(),
        Task::Demo(demo) => demo.run(),
        Task::Test(test) => test.run(),
    };
    result.unwrap_or_else(|error| report::fail(&error))
}
