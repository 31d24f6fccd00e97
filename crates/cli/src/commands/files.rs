//! Archives and files by the paths of the command line, where `-` is a standard stream.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use bitnpz::{Archive, OpenOptions, Summary, WriteOptions, Writer};

use crate::failure::{Failure, Outcome};
use crate::options::{ArchiveArgs, LimitArgs, OutputArgs};
use crate::printer::Printer;

/// Opens the archive that the arguments name.
pub(super) fn open(archive: &ArchiveArgs) -> Result<Archive, Failure> {
    open_at(&archive.path, &archive.limits)
}

/// Opens the archive at a path, or on standard input.
pub(super) fn open_at(path: &Path, limits: &LimitArgs) -> Result<Archive, Failure> {
    let options = OpenOptions::default().with_limits(limits.limits());
    if bitnpz::is_manifest(path) {
        let message = "expected an archive, found the manifest of several: `bitnpz ls`, `verify` and `merge` take it, and all verbs \
                       each of its shards";
        return Err(Failure::at(path, message));
    }
    if is_stream(path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            let message = "expected an archive from standard input, found a terminal".to_owned();
            return Err(Failure::Message(message));
        }
        return Archive::from_reader(stdin.lock(), &options)
            .map_err(|error| Failure::Message(format!("standard input: {error}")));
    }
    Archive::open_with(path, &options).map_err(|error| Failure::of(path, &error))
}

/// Starts an archive at a path, or for standard output.
pub(super) fn create(path: &Path, options: &WriteOptions, printer: &mut Printer) -> Result<Writer, Failure> {
    let writer = if is_stream(path) {
        printer.leave_stdout_to_data()?;
        Writer::unnamed(options)
    } else {
        Writer::create_with(path, options)
    };
    writer.map_err(|error| Failure::of(path, &error))
}

/// Finishes an archive at a path, or on standard output.
pub(super) fn finish(writer: Writer, path: &Path) -> Result<Summary, Failure> {
    let summary = if is_stream(path) { writer.finish_into(io::stdout().lock()) } else { writer.finish() };
    summary.map_err(|error| Failure::of(path, &error))
}

/// Returns whether a path means standard input or output.
pub(super) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The name of an input in messages.
pub(super) fn input_name(path: &Path) -> String {
    if is_stream(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The name of an output in messages.
pub(super) fn output_name(path: &Path) -> String {
    if is_stream(path) { "standard output".to_owned() } else { path.display().to_string() }
}

/// Returns whether anything has this path, a dangling link included. If that is unknown it is an error: a file taken
/// for missing would be overwritten.
pub(super) fn exists(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::at(path, error)),
    }
}

/// Checks that an output does not exist or may be overwritten.
pub(super) fn check_free(output: &OutputArgs) -> Outcome {
    check_no_manifest(&output.output)?;
    if output.force { Ok(()) } else { check_new(&output.output) }
}

/// Checks that a file does not exist. A device or a pipe may: it is written to, not replaced.
pub(super) fn check_new(path: &Path) -> Outcome {
    let is_device = || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if !is_stream(path) && exists(path)? && !is_device() {
        return Err(taken(path));
    }
    Ok(())
}

/// Returns the error of an output that exists.
pub(super) fn taken(path: &Path) -> Failure {
    Failure::at(path, "already exists; use --force to overwrite")
}

/// Checks that the name of an archive is not that of a manifest, as which it would be read.
pub(super) fn check_no_manifest(path: &Path) -> Outcome {
    if !bitnpz::is_manifest(path) {
        return Ok(());
    }
    let message = format!(
        "expected another ending than {}, that of the manifests which `bitnpz shard` and `bitnpz commit` write",
        bitnpz::MANIFEST_SUFFIX
    );
    Err(Failure::at(path, message))
}

/// Checks that an output is not the file that is read, which would be lost.
pub(super) fn check_differs(input: &Path, output: &Path) -> Outcome {
    if is_same_file(input, output) {
        let message = "is the archive that is read, which would be lost; choose another output";
        return Err(Failure::at(output, message));
    }
    Ok(())
}

/// Returns whether two paths lead to one file.
#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    place(one).is_some() && place(one) == place(other)
}

/// Returns whether two paths lead to one file.
#[cfg(not(unix))]
fn is_same_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.canonicalize().ok();
    place(one).is_some() && place(one) == place(other)
}

/// Returns the size of a file that was written, `None` for a stream, a device or a pipe.
pub(super) fn written_bytes(path: &Path) -> Option<u64> {
    let found = if is_stream(path) { None } else { fs::metadata(path).ok() };
    found.filter(fs::Metadata::is_file).map(|found| found.len())
}
