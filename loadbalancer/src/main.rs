//! The `loadbalancer` binary: parses the command line and hands it to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
