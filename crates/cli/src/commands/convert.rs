//! `bitnpz convert`.

use bitnpz::Writer;

use crate::arguments::Convert;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, size, thousands};

pub(crate) fn run(arguments: &Convert, output: &mut Output) -> Outcome {
    super::check_free(&arguments.output, arguments.force)?;
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let bar = output.progress(archive.len() as u64, "converting");
    let mut writer = Writer::create_with(&arguments.output, &arguments.write.options())
        .map_err(|error| Failure::of(&arguments.output, &error))?;
    writer.copy_from(&archive, |_| bar.inc(1)).map_err(|error| Failure::of(&arguments.archive, &error))?;
    let summary = writer.finish().map_err(|error| Failure::of(&arguments.output, &error))?;
    bar.finish_and_clear();
    let keys = thousands(summary.keys as u64);
    let (path, before) = (arguments.output.display(), size(archive.size()));
    let now = super::written(&arguments.output).map_or(String::new(), |now| format!(", {} now", size(now)));
    Ok(output.remark(format!("{path}: {keys} keys, {before} before{now}"))?)
}
