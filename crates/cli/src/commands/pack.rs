//! `bitnpz pack`.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bitnpz::Summary;

use super::packing::Packing;
use crate::arguments::Pack;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, size};

pub(crate) fn run(arguments: &Pack, output: &mut Output) -> Outcome {
    let start = Instant::now();
    super::check_free(&arguments.output, arguments.force)?;
    let mut packing = Packing::new(&arguments.inputs, &arguments.read, arguments.write.options())?;
    if arguments.labels {
        packing = packing.labelled()?;
    }
    let bytes_in = packing.bytes();
    let summary = if arguments.resume {
        let partial = partial(&arguments.output);
        let is_there = super::exists(&partial)?;
        let summary = packing.resume(&partial, arguments.every)?.run(&partial, is_there, output)?;
        rename(&partial, &arguments.output).map_err(|error| Failure::at(&arguments.output, error))?;
        summary
    } else {
        packing.run(&arguments.output, false, output)?
    };
    report(&arguments.output, summary, output)?;
    let (Some(bytes), Some(summary)) = (super::written(&arguments.output), summary) else { return Ok(()) };
    output.remark(format!("{} in, {} out: {}", size(bytes_in), size(bytes), ratio(bytes_in, bytes)))?;
    if summary.images > 0 {
        let per_image = bytes as f64 / summary.images as f64;
        output.remark(format!("{per_image:.1} bytes per image, {:.1} s", start.elapsed().as_secs_f64()))?;
    }
    Ok(())
}

/// Says what an archive has, now that it is written.
pub(super) fn report(path: &Path, summary: Option<Summary>, output: &mut Output) -> Outcome {
    let Some(summary) = summary else {
        return Ok(output.remark(format!("{}: nothing was left to do", path.display()))?);
    };
    let (keys, images) = (super::count(summary.keys, "key"), super::count(summary.images, "image"));
    Ok(output.remark(format!("{}: {keys}, {images}", path.display()))?)
}

/// How much smaller or larger something has become.
fn ratio(before: u64, after: u64) -> String {
    let times = |large: u64, small: u64| large as f64 / small.max(1) as f64;
    match before.cmp(&after) {
        Ordering::Greater => format!("{:.2} times smaller", times(before, after)),
        Ordering::Less => format!("{:.2} times larger", times(after, before)),
        Ordering::Equal => "the same size".to_owned(),
    }
}

/// Where an archive is while it can still be resumed.
fn partial(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Gives a file that is durable its name, durably.
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::rename(from, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
