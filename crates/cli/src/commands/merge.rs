//! `bitnpz merge`.

use std::path::PathBuf;

use bitnpz::{WriteOptions, Writer};
use clap::Args;

use super::files;
use super::packer::report;
use crate::failure::{Failure, Outcome};
use crate::options::{LimitArgs, OutputArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Images are copied; small stacks that share an image set may be encoded again. Stacks under the same key become one, in the \
order of the archives, and so do images with keys of their own. Other arrays under the same key are joined if they have an item for each image of their archive, as \
labels do; otherwise they must be the same in all.

Example:
  bitnpz merge part-*.npz -o training.npz")]
pub(crate) struct MergeArgs {
    /// The archives
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &MergeArgs, printer: &mut Printer) -> Outcome {
    let path = &arguments.output.output;
    for (path, found) in arguments.archives.iter().map(|path| (path, "input")).chain([(path, "output")]) {
        if files::is_stream(path) {
            return Err(Failure::Message(format!(
                "expected an archive that is a file, found standard {found}"
            )));
        }
    }
    files::check_free(&arguments.output)?;
    let options = WriteOptions::default().with_limits(arguments.limits.limits());
    let summary = Writer::merge(path, &arguments.archives, &options).and_then(Writer::finish);
    report(path, summary.map_err(|error| Failure::of(path, &error))?, printer)
}
