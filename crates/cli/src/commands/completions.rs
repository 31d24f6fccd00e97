//! `bitnpz completions`.

use clap::CommandFactory;

use crate::arguments::{Arguments, Completions};
use crate::failure::Outcome;
use crate::output::Output;

pub(crate) fn run(arguments: &Completions, output: &mut Output) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "bitnpz", &mut script);
    Ok(output.text(String::from_utf8_lossy(&script).trim_end())?)
}
