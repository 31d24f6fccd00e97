//! `bitnpz gc`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::sharded::check_manifest_name;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Shards that no manifest in the folder lists are those of a writer that failed or was killed, or that another took the place of. \
A writer that has not committed yet has such shards too: files that are younger than the given age stay.

Example:
  bitnpz gc glyphs.bitnpz.json --age 1h")]
pub(crate) struct GcArgs {
    /// The manifest; it need not be there
    manifest: PathBuf,
    /// How long ago files were written, as 90s, 30m, 12h or 7d
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = parse_age)]
    age: Duration,
    /// List the files only
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &GcArgs, printer: &mut Printer) -> Outcome {
    let GcArgs { manifest, age, dry_run } = arguments;
    check_manifest_name(manifest)?;
    let found =
        bitnpz::remove_orphans(manifest, *age, !dry_run).map_err(|error| Failure::of(manifest, &error))?;
    for path in &found {
        printer.result(path.display().to_string())?;
    }
    let done = if *dry_run { "found" } else { "removed" };
    Ok(printer.remark(format!("{} {done}", count(found.len(), "orphan")))?)
}

/// Parses a time with a unit.
fn parse_age(argument: &str) -> Result<Duration, String> {
    let digits = argument.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = match &argument[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        unit => return Err(format!("expected s, m, h or d behind a number, found {unit:?}")),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(|| format!("expected a time, as 12h, found {argument:?}"))
}
