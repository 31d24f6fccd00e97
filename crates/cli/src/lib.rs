//! The `bitnpz` command, for its binary and for the Python package, which ships it too.

mod arguments;
mod commands;
mod failure;
mod format;
mod options;
mod printer;
mod signals;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Verb};
use failure::Outcome;
use printer::Printer;

/// Runs the command and returns its exit code: 0 success, 1 failure, damage or differences found, 2 wrong usage. The
/// first argument is the name of the command. Ctrl-C ends the process with 130.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help and versions arrive here too. If they cannot be printed, nobody can be told.
            drop(message.print());
            return u8::try_from(message.exit_code()).unwrap_or(2);
        }
    };
    signals::clean_up_when_ended();
    match dispatch(&arguments.verb, &mut Printer::new(arguments.quiet)) {
        Ok(()) => 0,
        Err(failure) => failure.report(),
    }
}

fn dispatch(verb: &Verb, printer: &mut Printer) -> Outcome {
    match verb {
        #[cfg(feature = "demo")]
        Verb::Demo(arguments) => commands::demo::run(arguments, printer),
        Verb::Pack(arguments) => commands::pack::run(arguments, printer),
        Verb::Append(arguments) => commands::append::run(arguments, printer),
        Verb::Merge(arguments) => commands::merge::run(arguments, printer),
        Verb::Split(arguments) => commands::split::run(arguments, printer),
        Verb::Shard(arguments) => commands::shard::run(arguments, printer),
        Verb::Commit(arguments) => commands::commit::run(arguments, printer),
        Verb::Gc(arguments) => commands::gc::run(arguments, printer),
        Verb::Convert(arguments) => commands::convert::run(arguments, printer),
        Verb::Unpack(arguments) => commands::unpack::run(arguments, printer),
        Verb::Rm(arguments) => commands::rm::run(arguments, printer),
        Verb::Diff(arguments) => commands::diff::run(arguments, printer),
        Verb::Stats(arguments) => commands::stats::run(arguments, printer),
        Verb::Ls(arguments) => commands::ls::run(arguments, printer),
        Verb::Info(arguments) => commands::info::run(arguments, printer),
        Verb::Verify(arguments) => commands::verify::run(arguments, printer),
        Verb::Salvage(arguments) => commands::salvage::run(arguments, printer),
        Verb::Clean(arguments) => commands::clean::run(arguments, printer),
        Verb::View(arguments) => commands::view::run(arguments, printer),
        Verb::Sheet(arguments) => commands::sheet::run(arguments, printer),
        Verb::Completions(arguments) => commands::completions::run(arguments, Arguments::command(), printer),
        Verb::Man(arguments) => commands::man::run(arguments, Arguments::command(), printer),
    }
}
