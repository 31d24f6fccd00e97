//! `bitnpz convert`.

use std::fs;

use bitnpz::Writer;

use crate::arguments::Convert;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, size, thousands};

pub(crate) fn run(arguments: &Convert, output: &mut Output) -> Outcome {
    super::check_free(&arguments.output, arguments.force)?;
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let bar = output.progress(archive.len() as u64, "converting");
    let mut writer = Writer::create_with(&arguments.output, &arguments.write.options())
        .map_err(|error| Failure::at(&arguments.output, error))?;
    writer.copy_from(&archive, |_| bar.inc(1)).map_err(|error| Failure::at(&arguments.archive, error))?;
    let summary = writer.finish().map_err(|error| Failure::at(&arguments.output, error))?;
    bar.finish_and_clear();
    let (from, to) = (archive.size(), fs::metadata(&arguments.output)?.len());
    let keys = thousands(summary.keys as u64);
    let path = arguments.output.display();
    output.remark(format!("{path}: {keys} keys, {} before, {} now", size(from), size(to)))?;
    Ok(())
}
