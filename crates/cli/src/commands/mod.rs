//! One file per verb.

pub(crate) mod append;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod convert;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod diff;
mod filter;
#[cfg(feature = "demo")]
mod glyphs;
pub(crate) mod info;
mod inputs;
mod job;
mod labels;
pub(crate) mod ls;
pub(crate) mod man;
mod notes;
pub(crate) mod pack;
mod packing;
pub(crate) mod rm;
pub(crate) mod salvage;
pub(crate) mod sheet;
pub(crate) mod stats;
pub(crate) mod unpack;
pub(crate) mod verify;
pub(crate) mod view;

use std::io::IsTerminal;
use std::path::Path;
use std::{fs, io};

use bitnpz::{Archive, Item, OpenOptions, Summary, WriteOptions, Writer};

use crate::arguments::Read;
use crate::failure::Failure;
use crate::output::{Output, count};
use filter::Filter;

/// Opens an archive, or says which one could not be.
fn open(path: &Path, read: &Read) -> Result<Archive, Failure> {
    let options = OpenOptions::default().with_limits(read.limits());
    if is_stream(path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            let message = "expected an archive from standard input, found a terminal".to_owned();
            return Err(Failure::Message(message));
        }
        return Archive::from_reader(stdin.lock(), options)
            .map_err(|error| Failure::Message(format!("standard input: {error}")));
    }
    Archive::open_with(path, options).map_err(|error| Failure::of(path, &error))
}

/// Whether a path stands for standard input or output.
fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A path as people are told of it.
fn shown(path: &Path) -> String {
    if is_stream(path) { "standard output".to_owned() } else { path.display().to_string() }
}

/// A path that is read, as people are told of it.
fn shown_input(path: &Path) -> String {
    if is_stream(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Starts an archive at a path, or for standard output.
fn create(path: &Path, options: &WriteOptions, output: &mut Output) -> Result<Writer, Failure> {
    let writer = if is_stream(path) {
        output.leave_stdout_to_data()?;
        Writer::unnamed(options)
    } else {
        Writer::create_with(path, options)
    };
    writer.map_err(|error| Failure::of(path, &error))
}

/// Ends an archive at a path, or on standard output.
fn finish(writer: Writer, path: &Path) -> Result<Summary, Failure> {
    let summary = if is_stream(path) { writer.finish_into(io::stdout().lock()) } else { writer.finish() };
    summary.map_err(|error| Failure::of(path, &error))
}

/// The images under a key, as far as that can be told without reading them.
fn count_images(entry: &bitnpz::Entry<'_>) -> u64 {
    entry.image_count().unwrap_or_else(|| entry.shape().iter().rev().skip(2).product()) as u64
}

/// Whether there is something of this path, a link to nothing included. What cannot be told is an error, lest a file be taken
/// for none and replaced.
fn exists(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::at(path, error)),
    }
}

/// That there is nothing where something is to be written, unless it may be replaced. A device or a pipe is written to, and
/// stays.
fn check_free(path: &Path, force: bool) -> Result<(), Failure> {
    let takes_bytes = || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    if !force && !is_stream(path) && exists(path)? && !takes_bytes() {
        return Err(Failure::at(path, "it is there already; --force replaces it"));
    }
    Ok(())
}

/// The size of what was written; none if it was written to a device or a pipe.
fn written(path: &Path) -> Option<u64> {
    let found = if is_stream(path) { None } else { fs::metadata(path).ok() };
    found.filter(fs::Metadata::is_file).map(|found| found.len())
}

/// Copies the arrays under these keys, and shows how far it has come.
fn copy(
    mut writer: Writer,
    archive: &Archive,
    filter: &Filter,
    what: &'static str,
    output: &Output,
) -> bitnpz::Result<Writer> {
    let mut images = 0;
    if output.shows_progress() {
        for entry in archive.entries() {
            images += Some(entry?)
                .filter(|entry| filter.takes(entry.key()))
                .map_or(0, |entry| count_images(&entry));
        }
    }
    let bar = output.watch(&mut writer, 0, images, what);
    for item in archive.items() {
        match item? {
            Item::Array(entry) if filter.takes(entry.key()) => drop(writer.add_entry(&entry)?),
            Item::Other(other) if filter.takes(other.name()) => writer.add_other(&other)?,
            _ => {}
        }
    }
    bar.finish_and_clear();
    Ok(writer)
}

/// The first of many names, and how many others there are.
fn some(names: Vec<String>) -> String {
    const SHOWN: usize = 8;
    let others = names.len().saturating_sub(SHOWN);
    let mut shown = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if others > 0 {
        shown.push_str(&format!(", and {}", count(others, "other")));
    }
    shown
}
