//! Packs inputs into an archive, and continues where an earlier run was killed.

use std::collections::{HashMap, HashSet};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use bitnpz::picture::{Picture, PictureError};
use bitnpz::{Archive, ErrorKind, Item, OtherMember, PixelValues, Summary, Writer};
use indicatif::ProgressBar;
use ndarray::Axis;

use super::files;
use super::inputs::{Input, LeftOut};
use super::labels::Labels;
use super::notes::Notes;
use super::packing::{Packing, count_all_images};
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::printer::Printer;

/// How an archive is started.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// As a new archive.
    New,
    /// With everything the existing archive holds.
    Append,
    /// With what an earlier run saved, if there was one; saved again after every `every` images.
    Resume { every: Option<NonZero<usize>> },
}

/// What was packed into an archive.
pub(super) struct Packed {
    pub(super) summary: Summary,
    labels: Option<Labels>,
    notes: Notes,
}

impl Packed {
    /// Prints the notes, and how many keys and images the archive has.
    pub(super) fn report(&self, path: &Path, printer: &mut Printer) -> Outcome {
        self.notes.print(printer)?;
        if let Some(labels) = &self.labels {
            printer.remark(labels.summary())?;
        }
        report(path, self.summary, printer)
    }
}

/// Packs everything into the archive at this path.
pub(super) fn run(
    mut packing: Packing<'_>,
    path: &Path,
    start: Start,
    printer: &mut Printer,
) -> Result<Packed, Failure> {
    let (labels, left_out) = (packing.labels.take(), std::mem::take(&mut packing.left_out));
    let mut packer = Packer::start(&packing, path, start, printer)?;
    packer.labels = labels;
    packer.notes = Notes::new(left_out);
    let bar = packer.progress(printer)?;
    for input in &packing.inputs {
        match input {
            Input::Picture { path, key } => packer.add_picture(path, key)?,
            Input::Array { path, key } => packer.add_array(path, key)?,
            Input::Archive { path } => packer.add_archive(path)?,
        }
    }
    packer.add_labels()?;
    let Packer { writer, labels, notes, .. } = packer;
    let summary = files::finish(writer, path);
    bar.finish_and_clear();
    Ok(Packed { summary: summary?, labels, notes })
}

/// Prints how many keys and images a finished archive has.
pub(super) fn report(path: &Path, summary: Summary, printer: &mut Printer) -> Outcome {
    let (keys, images) = (count(summary.keys, "key"), count(summary.images, "image"));
    let others = match summary.others {
        0 => String::new(),
        others => format!(", {}", count(others, "other member")),
    };
    Ok(printer.remark(format!("{}: {keys}, {images}{others}", files::output_name(path)))?)
}

/// Adds inputs to a writer, except what an earlier run has added.
struct Packer<'a> {
    packing: &'a Packing<'a>,
    writer: Writer,
    /// The archive that earlier runs saved.
    done: Option<Archive>,
    /// The pictures so far, without damaged ones.
    pictures: usize,
    /// The keys of arrays so far, if the run can be resumed: of two arrays under one key, the second is not the rest of
    /// the first.
    claimed: Option<HashSet<String>>,
    /// The archive that is appended to.
    appended: Option<PathBuf>,
    /// The archives that the members that are no arrays come from.
    others: HashMap<String, PathBuf>,
    labels: Option<Labels>,
    notes: Notes,
}

impl<'a> Packer<'a> {
    fn start(
        packing: &'a Packing<'a>,
        path: &Path,
        start: Start,
        printer: &mut Printer,
    ) -> Result<Self, Failure> {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let options = &packing.options;
        let (mut done, mut claimed, mut appended) = (None, None, None);
        let writer = match start {
            Start::New => files::create(path, options, printer)?,
            Start::Append => {
                appended = Some(path.to_owned());
                Writer::append(path, options).map_err(fail)?
            }
            Start::Resume { every } => {
                packing.check_resumable()?;
                claimed = Some(HashSet::new());
                if files::exists(path)? {
                    done = Some(Archive::open_with(path, &packing.open).map_err(fail)?);
                }
                Writer::resume(path, options, every).map_err(fail)?
            }
        };
        let notes = Notes::new(LeftOut::default());
        let others = HashMap::new();
        Ok(Self { packing, writer, done, pictures: 0, claimed, appended, others, labels: None, notes })
    }

    /// Shows a bar of all images, on which those of earlier runs are done.
    fn progress(&mut self, printer: &Printer) -> Result<ProgressBar, Failure> {
        let (mut done, mut images) = (0, 0);
        if printer.shows_progress() {
            let archive = self.done.as_ref();
            done = archive.map_or(Ok(0), |archive| count_all_images(archive, Path::new("")))?;
            images = self.packing.images()?;
        }
        Ok(printer.writer_progress(&mut self.writer, done, images, "packing"))
    }

    fn add_picture(&mut self, path: &Path, key: &str) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let stack = self.packing.stack();
        let images_done = stack.map_or(0, |name| self.images_done(name));
        if self.pictures < images_done || stack.is_none() && self.is_done(key) {
            self.count_picture(key);
            return Ok(());
        }
        let Some(picture) = self.read(path)? else { return Ok(()) };
        self.notes.picture(path, &picture);
        self.count_picture(key);
        let bitmap = &picture.bitmap;
        let Some(name) = stack else { return self.writer.add_bitmap(key, bitmap.view()).map_err(fail) };
        let image = bitmap.unpack(PixelValues::<bool>::default()).insert_axis(Axis(0));
        self.writer.extend(name, &image).map_err(|error| stack_failure(path, &error, "picture"))
    }

    fn count_picture(&mut self, key: &str) {
        self.pictures += 1;
        if let Some(labels) = &mut self.labels {
            labels.push(key);
        }
    }

    /// Reads a picture; `None` if it is damaged and may be skipped.
    fn read(&mut self, path: &Path) -> Result<Option<Picture>, Failure> {
        match without_panic_messages(|| Picture::read(path, &self.packing.picture_options())) {
            Ok(picture) => Ok(Some(picture)),
            Err(error @ PictureError::Decode { .. }) if self.packing.skips_damaged() => {
                self.notes.damaged(error.to_string());
                Ok(None)
            }
            Err(error @ PictureError::Decode { .. }) => {
                Err(Failure::Message(format!("{error}; use --skip-damaged to leave it out")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn add_array(&mut self, path: &Path, key: &str) -> Outcome {
        let is_named = self.packing.stack() == Some(key);
        if is_named && (self.packing.joins_arrays() || self.is_appended(key)) {
            return self.extend_by_array(path, key);
        }
        self.claim(path, key)?;
        let header = self.packing.header(path)?;
        if self.is_array_done(key, &header.shape) {
            return Ok(());
        }
        let limits = &self.packing.options.limits;
        let added = match self.packing.threshold() {
            Some(threshold) => self.writer.add_npy_file_at(key, path, limits, threshold),
            None => self.writer.add_npy_file_of(key, path, limits, self.packing.axes(key)),
        };
        let added = added.map_err(|error| Failure::of(path, &error))?;
        self.notes.array(key, added, &header);
        Ok(())
    }

    fn extend_by_array(&mut self, path: &Path, key: &str) -> Outcome {
        let limits = &self.packing.options.limits;
        let extended = match self.packing.threshold() {
            Some(threshold) => self.writer.extend_npy_file_at(key, path, limits, threshold),
            None => self.writer.extend_npy_file_of(key, path, limits, self.packing.axes(key)),
        };
        extended.map_err(|error| stack_failure(path, &error, "array"))
    }

    fn add_archive(&mut self, path: &Path) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let archive = self.packing.open(path)?;
        for item in archive.items() {
            let entry = match item.map_err(fail)? {
                Item::Array(entry) => entry,
                Item::Other(other) => {
                    self.add_other(path, &other)?;
                    continue;
                }
                _ => continue,
            };
            let key = entry.key();
            self.claim(path, key)?;
            if self.is_array_done(key, entry.shape()) {
                continue;
            }
            let added = match self.packing.threshold() {
                Some(threshold) => self.writer.add_entry_at(&entry, threshold),
                None => self.writer.add_entry_of(&entry, self.packing.axes(key)),
            };
            self.notes.array(key, added.map_err(fail)?, entry.header());
        }
        Ok(())
    }

    /// Adds a member that is no array. Several archives may have it if it is the same in all.
    fn add_other(&mut self, path: &Path, other: &OtherMember<'_>) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let name = other.name();
        let is_taken = self.writer.contains(name);
        let known = self.others.get(name).or_else(|| self.appended.as_ref().filter(|_| is_taken));
        if let Some(first) = known {
            if other_bytes(&self.packing.open(first)?, name).map_err(fail)?
                == Some(other.read().map_err(fail)?)
            {
                return Ok(());
            }
            let message = format!("{name:?}: differs from what has this name in {}", first.display());
            return Err(Failure::at(path, message));
        }
        self.claim(path, name)?;
        self.others.insert(name.to_owned(), path.to_owned());
        if self.claimed.is_none() || !is_taken {
            self.writer.add_other(other).map_err(fail)?;
            self.notes.other(other);
        }
        Ok(())
    }

    fn add_labels(&mut self) -> Outcome {
        let is_done = Labels::keys().iter().all(|key| self.is_done(key));
        match self.labels.as_ref().filter(|_| !is_done) {
            Some(labels) => labels.write(&mut self.writer),
            None => Ok(()),
        }
    }

    /// Checks that no other input has an array under this key. A writer that cannot be resumed checks that itself.
    fn claim(&mut self, path: &Path, key: &str) -> Outcome {
        if self.claimed.as_mut().is_none_or(|claimed| claimed.insert(key.to_owned())) {
            return Ok(());
        }
        Err(Failure::at(
            path,
            format!("{key:?}: another input has this key already (a and a.npy are one key)"),
        ))
    }

    fn is_done(&self, key: &str) -> bool {
        self.done.as_ref().is_some_and(|done| done.contains(key))
    }

    /// Returns whether the archive that is appended to has this key.
    fn is_appended(&self, key: &str) -> bool {
        self.claimed.is_none() && self.writer.contains(key)
    }

    /// Returns whether earlier runs packed all of an array of this shape; they may have packed part of a stack.
    fn is_array_done(&self, key: &str, shape: &[usize]) -> bool {
        let has_shape = |done: &Archive| done.entry(key).is_ok_and(|entry| entry.shape() == shape);
        self.is_done(key) && self.done.as_ref().is_some_and(has_shape)
    }

    /// Returns how many images of the stack under this key earlier runs packed.
    fn images_done(&self, key: &str) -> usize {
        let count = self.done.as_ref().and_then(|done| done.entry(key).ok()?.image_count());
        count.unwrap_or(0)
    }
}

/// Returns the bytes of a member that is no array, if there is one of this name.
fn other_bytes(archive: &Archive, name: &str) -> bitnpz::Result<Option<Vec<u8>>> {
    for item in archive.items() {
        match item? {
            Item::Other(other) if other.name() == name => return other.read().map(Some),
            _ => {}
        }
    }
    Ok(None)
}

/// Returns the error of an input that could not be added to the stack of others.
fn stack_failure(path: &Path, error: &bitnpz::Error, input: &str) -> Failure {
    match error.kind() {
        ErrorKind::WrongShape { .. } | ErrorKind::NotAStack { .. } => {
            Failure::at(path, format!("{error}; without --name each {input} keeps its own shape and key"))
        }
        _ => Failure::of(path, error),
    }
}

/// Runs a decoder without printing its panics, which are returned as errors.
fn without_panic_messages<T>(work: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let result = work();
    std::panic::set_hook(hook);
    result
}
