//! `bitnpz shard`.

use std::num::NonZero;
use std::path::PathBuf;

use bitnpz::{ShardedArchive, WriteOptions};
use clap::Args;

use super::files;
use super::sharded::check_manifest_name;
use crate::failure::{Failure, Outcome};
use crate::format::{count, size};
use crate::options::LimitArgs;
use crate::printer::Printer;

/// The names of shards have numbers of five digits.
const MOST_SHARDS: usize = 99_999;

#[derive(Debug, Args)]
#[command(after_help = "\
The shards are archives of their own beside the manifest, which lists them. Where a path of an archive is expected by ls, \
verify and merge, by bitnpz.load in Python and by ShardedArchive::open in Rust, that of the manifest stands for all of them. \
Images are copied; small stacks that share an image set are encoded again.

Example:
  bitnpz shard training.npz --shards 16 -o training.bitnpz.json
writes training.bitnpz.json and training-00000-5f0c9a1be2d4.npz ...")]
pub(crate) struct ShardArgs {
    /// The archive
    archive: PathBuf,
    /// The number of shards
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = parse_shards,
        required_unless_present = "shard_size",
        conflicts_with = "shard_size"
    )]
    shards: Option<NonZero<usize>>,
    /// About how large a shard is, instead: a number of bytes, or with a unit, as 500MB or 2GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    shard_size: Option<NonZero<u64>>,
    /// The manifest, whose name ends in .bitnpz.json
    #[arg(short, long, value_name = "MANIFEST")]
    output: PathBuf,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &ShardArgs, printer: &mut Printer) -> Outcome {
    let ShardArgs { archive, shards, shard_size, output, limits } = arguments;
    check_manifest_name(output)?;
    if files::is_stream(archive) {
        return Err(Failure::Message("expected an archive that is a file, found standard input".to_owned()));
    }
    if files::exists(output)? {
        return Err(Failure::at(output, "already exists; remove it or choose another name"));
    }
    let options = WriteOptions::default().with_limits(limits.limits());
    let shards = match (shards, shard_size) {
        (Some(shards), _) => *shards,
        (None, size) => {
            let bytes = std::fs::metadata(archive).map_err(|error| Failure::at(archive, error))?.len();
            let each = size.map_or(u64::MAX, NonZero::get);
            let shards = usize::try_from(bytes.div_ceil(each)).unwrap_or(usize::MAX);
            NonZero::new(shards.min(MOST_SHARDS)).unwrap_or(NonZero::<usize>::MIN)
        }
    };
    bitnpz::shard(output, archive, shards, &options).map_err(|error| Failure::of(archive, &error))?;
    let written = ShardedArchive::open(output).map_err(|error| Failure::of(output, &error))?;
    let bytes = written.shards().iter().map(|shard| shard.bytes).sum();
    let shards = count(written.shards().len(), "shard");
    Ok(printer.remark(format!("{}: {shards}, {}", output.display(), size(bytes)))?)
}

/// Parses a number of bytes, which may have a unit.
fn parse_size(argument: &str) -> Result<NonZero<u64>, String> {
    let digits = argument.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = match argument[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        unit => return Err(format!("expected bytes, KB, MB, GB or TB, found {unit:?}")),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .and_then(NonZero::new)
        .ok_or_else(|| format!("expected a size above 0, as 500MB, found {argument:?}"))
}

/// Parses a number of shards.
pub(super) fn parse_shards(argument: &str) -> Result<NonZero<usize>, String> {
    let number = argument.parse::<NonZero<usize>>().ok().filter(|number| number.get() <= MOST_SHARDS);
    number.ok_or_else(|| format!("expected a number from 1 to {MOST_SHARDS}"))
}
