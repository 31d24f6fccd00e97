//! The `bitnpz` command, for its binary and for the Python package, which brings it too.

mod arguments;
mod commands;
mod failure;
mod output;
mod signals;

use std::ffi::OsString;

use clap::Parser;

use arguments::{Arguments, Verb};
use output::Output;

/// Runs the command with these arguments, the first of them its name, and returns its exit code: 0 done, 1 failed or damage found,
/// 2 wrong usage. Ctrl-C ends the process with 130.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and versions come this way too. If they cannot be printed there is nobody to tell.
            drop(message.print());
            return u8::try_from(message.exit_code()).unwrap_or(2);
        }
    };
    signals::clean_up_when_ended();
    let mut output = Output::new(arguments.quiet);
    let result = match arguments.verb {
        #[cfg(feature = "demo")]
        Verb::Demo(arguments) => commands::demo::run(&arguments, &mut output),
        Verb::Pack(arguments) => commands::pack::run(&arguments, &mut output),
        Verb::Append(arguments) => commands::append::run(&arguments, &mut output),
        Verb::Convert(arguments) => commands::convert::run(&arguments, &mut output),
        Verb::Unpack(arguments) => commands::unpack::run(&arguments, &mut output),
        Verb::Rm(arguments) => commands::rm::run(&arguments, &mut output),
        Verb::Diff(arguments) => commands::diff::run(&arguments, &mut output),
        Verb::Stats(arguments) => commands::stats::run(&arguments, &mut output),
        Verb::Ls(arguments) => commands::ls::run(&arguments, &mut output),
        Verb::Info(arguments) => commands::info::run(&arguments, &mut output),
        Verb::Verify(arguments) => commands::verify::run(&arguments, &mut output),
        Verb::Salvage(arguments) => commands::salvage::run(&arguments, &mut output),
        Verb::Clean(arguments) => commands::clean::run(&arguments, &mut output),
        Verb::View(arguments) => commands::view::run(&arguments, &mut output),
        Verb::Sheet(arguments) => commands::sheet::run(&arguments, &mut output),
        Verb::Completions(arguments) => commands::completions::run(&arguments, &mut output),
        Verb::Man(arguments) => commands::man::run(&arguments, &mut output),
    };
    match result {
        Ok(()) => 0,
        Err(failure) => failure.report(),
    }
}
