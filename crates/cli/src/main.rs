//! The `bitnpz` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    bitnpz_cli::run(std::env::args_os()).into()
}
