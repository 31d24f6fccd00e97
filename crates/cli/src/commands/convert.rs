//! `bitnpz convert`.

use clap::Args;

use super::copy::copy;
use super::files;
use super::filter::Filter;
use crate::failure::{Failure, Outcome};
use crate::format::{change, count, size};
use crate::options::{ArchiveArgs, KeyArgs, OutputArgs, WriteArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Images, arrays, dtypes, values, shapes and keys are the same in every encoding.

Examples:
  bitnpz convert glyphs.npz -o packed.npz --encoding packed
  bitnpz convert glyphs.npz -o plain.npz --encoding plain --method zstd")]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    write: WriteArgs,
}

pub(crate) fn run(arguments: &ConvertArgs, printer: &mut Printer) -> Outcome {
    let (input, path) = (&arguments.archive.path, &arguments.output.output);
    files::check_free(&arguments.output)?;
    let archive = files::open(&arguments.archive)?;
    let filter = Filter::new(&arguments.keys.keys, &[(input, &archive)])?;
    let writer = files::create(path, &arguments.write.options(), printer)?;
    let copied = copy(writer, &archive, &filter, "converting", printer);
    let summary = files::finish(copied.map_err(|error| Failure::of(input, &error))?, path)?;
    let (name, keys) = (files::output_name(path), count(summary.keys, "key"));
    let after = files::written_bytes(path)
        .map_or(String::new(), |after| format!(", {} after: {}", size(after), change(archive.size(), after)));
    Ok(printer.remark(format!("{name}: {keys}, {} before{after}", size(archive.size())))?)
}
