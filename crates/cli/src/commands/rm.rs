//! `bitnpz rm`.

use bitnpz::{WriteOptions, Writer};
use clap::Args;

use super::files;
use super::filter::Filter;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::options::ArchiveArgs;
use crate::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// The keys to remove; * matches any text and ? any character
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

pub(crate) fn run(arguments: &RmArgs, printer: &mut Printer) -> Outcome {
    let path = &arguments.archive.path;
    if files::is_stream(path) {
        return Err(Failure::Message("expected an archive that is a file, found standard input".to_owned()));
    }
    let archive = files::open(&arguments.archive)?;
    let filter = Filter::new(&arguments.keys, &[(path, &archive)])?;
    let before = archive.len() + archive.other_len();
    drop(archive);
    let options = WriteOptions::default().with_limits(arguments.archive.limits.limits());
    let writer = Writer::without(path, &options, |key| filter.selects(key));
    let summary = writer.and_then(Writer::finish).map_err(|error| Failure::of(path, &error))?;
    let left = summary.keys + summary.others;
    let removed = before.saturating_sub(left);
    Ok(printer.remark(format!("{}: {} removed, {left} left", path.display(), count(removed, "key")))?)
}
