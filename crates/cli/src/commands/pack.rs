//! `bitnpz pack`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bitnpz::Summary;

use super::job;
use super::packing::{Packing, Start};
use crate::arguments::Pack;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, change, count, size};

pub(crate) fn run(arguments: &Pack, output: &mut Output) -> Outcome {
    let start = Instant::now();
    super::check_free(&arguments.output, arguments.force)?;
    if arguments.resume && super::is_stream(&arguments.output) {
        let message = "--resume: expected an archive that is a file, found standard output";
        return Err(Failure::Message(message.to_owned()));
    }
    let mut packing = Packing::new(&arguments.inputs, &arguments.read, arguments.write.options())?;
    if arguments.labels {
        packing = packing.labelled()?;
    }
    let bytes_in = packing.bytes();
    let summary = if arguments.resume {
        let partial = partial(&arguments.output);
        job::check(&partial, &packing.job())?;
        let summary = packing.run(&partial, Start::Resume { every: arguments.every }, output);
        if summary.is_err() && !super::exists(&partial)? {
            // Nothing was kept that could be gone on with.
            job::forget(&partial)?;
        }
        let summary = summary?;
        rename(&partial, &arguments.output).map_err(|error| Failure::at(&arguments.output, error))?;
        job::forget(&partial)?;
        summary
    } else {
        packing.run(&arguments.output, Start::New, output)?
    };
    report(&arguments.output, summary, output)?;
    let Some(bytes) = super::written(&arguments.output) else { return Ok(()) };
    output.remark(format!("{} in, {} out: {}", size(bytes_in), size(bytes), change(bytes_in, bytes)))?;
    if summary.images > 0 {
        let per_image = bytes as f64 / summary.images as f64;
        output.remark(format!("{per_image:.1} bytes per image, {:.1} s", start.elapsed().as_secs_f64()))?;
    }
    Ok(())
}

/// Says what an archive has, now that it is written.
pub(super) fn report(path: &Path, summary: Summary, output: &mut Output) -> Outcome {
    let (keys, images) = (count(summary.keys, "key"), count(summary.images, "image"));
    let others = match summary.others {
        0 => String::new(),
        others => format!(", {}", count(others, "other member")),
    };
    Ok(output.remark(format!("{}: {keys}, {images}{others}", super::shown(path)))?)
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
    sync_folder(to)
}

/// Makes it durable which files the folder of this one has.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
