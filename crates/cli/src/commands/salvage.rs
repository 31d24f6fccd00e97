//! `bitnpz salvage`.

use bitnpz::{Problem, Salvage};
use clap::Args;
use serde_json::json;

use super::files;
use super::problem::to_json;
use crate::failure::{Failure, Outcome};
use crate::format::{count, thousands};
use crate::options::{ArchiveArgs, FormatArgs, OutputArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
The damaged archive is not changed. Damaged images of a stack become blank, so that all others keep their index; everything \
else that is damaged is left out. The central directory at the end of the archive is not needed. \
Exit code 0 if nothing is lost, 1 if something is gone or doubtful.")]
pub(crate) struct SalvageArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn run(arguments: &SalvageArgs, printer: &mut Printer) -> Outcome {
    let (archive, path) = (&arguments.archive, &arguments.output.output);
    // A damaged archive is read at any position, and the report goes to standard output.
    for (path, found) in [(&archive.path, "standard input"), (path, "standard output")] {
        if files::is_stream(path) {
            return Err(Failure::Message(format!("expected an archive that is a file, found {found}")));
        }
    }
    files::check_differs(&archive.path, path)?;
    files::check_free(&arguments.output)?;
    let bar = printer.steps_progress("salvaging");
    let result = bitnpz::salvage(&archive.path, path, &archive.limits.limits(), |steps| bar.show(steps));
    drop(bar);
    let salvage = result.map_err(|error| Failure::of(&archive.path, &error))?;
    let printed = print(&salvage, arguments, printer);
    let is_whole = salvage.gone.is_empty() && salvage.doubtful.is_empty();
    if is_whole { printed } else { Err(Failure::found(printed)) }
}

fn print(salvage: &Salvage, arguments: &SalvageArgs, printer: &mut Printer) -> Outcome {
    let (saved, gone, doubtful) = (salvage.saved, &salvage.gone, &salvage.doubtful);
    if arguments.format.json {
        let list = |problems: &[Problem]| problems.iter().map(to_json).collect::<Vec<_>>();
        let report = json!({
            "keys": saved.keys,
            "images": saved.images,
            "gone": list(gone),
            "doubtful": list(doubtful),
        });
        return Ok(printer.json(&report)?);
    }
    for (what, problems) in [("gone", gone), ("doubtful", doubtful)] {
        for problem in problems {
            printer.result(format!("{what}: {problem}"))?;
        }
    }
    let number = |problems: &[Problem]| thousands(problems.len() as u64);
    let (keys, images) = (count(saved.keys, "key"), count(saved.images, "image"));
    printer.remark(format!("{}: {keys}, {images}", arguments.output.output.display()))?;
    Ok(printer.remark(format!("{} gone, {} doubtful", number(gone), number(doubtful)))?)
}
