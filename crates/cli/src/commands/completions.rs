//! `bitnpz completions`.

use clap::{Args, Command};

use crate::failure::Outcome;
use crate::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

pub(crate) fn run(arguments: &CompletionsArgs, mut command: Command, printer: &mut Printer) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "bitnpz", &mut script);
    Ok(printer.text(String::from_utf8_lossy(&script).trim_end())?)
}
