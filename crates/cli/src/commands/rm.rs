//! `bitnpz rm`.

use bitnpz::{WriteOptions, Writer};

use super::filter::Filter;
use crate::arguments::Rm;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

pub(crate) fn run(arguments: &Rm, output: &mut Output) -> Outcome {
    let path = &arguments.archive;
    if super::is_stream(path) {
        return Err(Failure::Message("expected an archive that is a file, found standard input".to_owned()));
    }
    let archive = super::open(path, &arguments.read)?;
    let filter = Filter::new(&arguments.keys, &[(path, &archive)])?;
    let before = archive.len() + archive.other_len();
    drop(archive);
    let options = WriteOptions::default().with_limits(arguments.read.limits());
    let writer = Writer::without(path, &options, |key| filter.takes(key));
    let summary = writer.and_then(Writer::finish).map_err(|error| Failure::of(path, &error))?;
    let left = summary.keys + summary.others;
    let removed = before.saturating_sub(left);
    Ok(output.remark(format!("{}: {} removed, {left} left", path.display(), count(removed, "key")))?)
}
