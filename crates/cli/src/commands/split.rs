//! `bitnpz split`.

use std::num::NonZero;
use std::path::PathBuf;

use bitnpz::{WriteOptions, Writer};
use clap::Args;

use super::files;
use super::packer::report;
use super::shard::parse_shards;
use crate::failure::{Failure, Outcome};
use crate::options::{LimitArgs, OutputArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Images are copied; small stacks that share an image set are encoded again. Each stack is cut along its first axis, and so are \
images with keys of their own. Arrays \
that have an item for each image, as labels do, are cut in the same places; other arrays are in each shard. `bitnpz merge` puts \
the shards together again.

Example:
  bitnpz split training.npz --shards 16 -o shard.npz
writes shard-00000-of-00016.npz to shard-00015-of-00016.npz.")]
pub(crate) struct SplitArgs {
    /// The archive
    archive: PathBuf,
    /// The number of shards
    #[arg(long, value_name = "NUMBER", value_parser = parse_shards)]
    shards: NonZero<usize>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &SplitArgs, printer: &mut Printer) -> Outcome {
    let SplitArgs { archive, shards, output, limits } = arguments;
    for (path, found) in [(archive, "input"), (&output.output, "output")] {
        if files::is_stream(path) {
            let message = format!("expected an archive that is a file, found standard {found}");
            return Err(Failure::Message(message));
        }
    }
    let targets: Vec<_> = (0..shards.get())
        .map(|number| OutputArgs { output: name_of(&output.output, number, shards.get()), ..output.clone() })
        .collect();
    targets.iter().try_for_each(|target| files::check_differs(archive, &target.output))?;
    targets.iter().try_for_each(files::check_free)?;
    let options = WriteOptions::default().with_limits(limits.limits());
    let mut printed = Ok(());
    for (number, target) in targets.iter().enumerate() {
        let path = &target.output;
        let shard = Writer::split_part(path, archive, number, *shards, &options).and_then(Writer::finish);
        let summary = shard.map_err(|error| Failure::of(archive, &error))?;
        // All shards are written, whether or not anyone reads what is printed.
        printed = printed.and_then(|()| report(path, summary, printer));
    }
    printed
}

/// Returns the name of a shard: the name of all, with the number of the shard before its ending.
fn name_of(path: &std::path::Path, number: usize, of: usize) -> PathBuf {
    let ending = path.extension().map_or_else(|| "npz".into(), ToOwned::to_owned);
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number:05}-of-{of:05}."));
    name.push(ending);
    path.with_file_name(name)
}
