//! `bitnpz clean`.

use std::path::PathBuf;

use clap::Args;

use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Temporary files are named .bitnpz.<hash>.<number>.tmp. Those of running writers are kept. On Linux a killed writer leaves \
one only if it was replacing a file at that moment. The next writer of the same archive removes them too.")]
pub(crate) struct CleanArgs {
    /// The folder
    folder: PathBuf,
}

pub(crate) fn run(arguments: &CleanArgs, printer: &mut Printer) -> Outcome {
    let removed = bitnpz::clean(&arguments.folder).map_err(|error| Failure::at(&arguments.folder, error))?;
    for path in &removed {
        printer.result(path.display().to_string())?;
    }
    Ok(printer.remark(format!("{} removed", count(removed.len(), "temporary file")))?)
}
