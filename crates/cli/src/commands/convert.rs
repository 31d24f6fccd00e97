//! `bitnpz convert`.

use super::filter::Filter;
use crate::arguments::Convert;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, change, count, size};

pub(crate) fn run(arguments: &Convert, output: &mut Output) -> Outcome {
    super::check_free(&arguments.output, arguments.force)?;
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let filter = Filter::new(&arguments.keys.keys, &[(&arguments.archive, &archive)])?;
    let writer = super::create(&arguments.output, &arguments.write.options(), output)?;
    let copied = super::copy(writer, &archive, &filter, "converting", output);
    let writer = copied.map_err(|error| Failure::of(&arguments.archive, &error))?;
    let summary = super::finish(writer, &arguments.output)?;
    let (path, keys) = (super::shown(&arguments.output), count(summary.keys, "key"));
    let now = super::written(&arguments.output)
        .map_or(String::new(), |now| format!(", {} now: {}", size(now), change(archive.size(), now)));
    Ok(output.remark(format!("{path}: {keys}, {} before{now}", size(archive.size())))?)
}
