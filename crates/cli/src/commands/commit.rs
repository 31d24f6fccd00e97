//! `bitnpz commit`.

use std::path::PathBuf;

use bitnpz::{OpenOptions, ShardedArchive};
use clap::Args;

use super::files;
use super::sharded::check_manifest_name;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::options::LimitArgs;
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
The archives are complete, in the folder of the manifest, and have the same arrays. Stacks under the same key are read one \
after the other, and so are arrays that have an item for each image, as labels do; other arrays must be the same in all.

Example:
  bitnpz commit glyphs.bitnpz.json glyphs-*.npz")]
pub(crate) struct CommitArgs {
    /// The manifest, whose name ends in .bitnpz.json
    manifest: PathBuf,
    /// The archives, in their order
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    /// Replace the manifest that is there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &CommitArgs, printer: &mut Printer) -> Outcome {
    let CommitArgs { manifest, archives, replace, limits } = arguments;
    check_manifest_name(manifest)?;
    if !replace && files::exists(manifest)? {
        return Err(Failure::at(manifest, "already exists; use --replace to replace it"));
    }
    let options = OpenOptions::default().with_limits(limits.limits());
    let committed = if *replace {
        ShardedArchive::open_with(manifest, &options)
            .and_then(|replaced| bitnpz::replace(manifest, archives, &replaced, &options))
    } else {
        bitnpz::commit(manifest, archives, &options)
    };
    committed.map_err(|error| Failure::of(manifest, &error))?;
    Ok(printer.remark(format!("{}: {}", manifest.display(), count(archives.len(), "shard")))?)
}
