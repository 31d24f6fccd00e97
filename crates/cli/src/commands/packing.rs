//! Packing inputs into an archive, with points to go on from.

use std::collections::HashSet;
use std::fs;
use std::io::BufReader;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use bitnpz::picture::{Ink, Picture, PictureError, ReadOptions};
use bitnpz::{
    Archive, ErrorKind, Header, ImageAxes, Item, OpenOptions, PixelValues, Summary, Threshold, WriteOptions,
    Writer,
};
use indicatif::ProgressBar;
use ndarray::Axis;

use super::inputs::{Found, Input, find};
use super::labels::Labels;
use super::notes::Notes;
use crate::arguments::{Inputs, Read};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// Everything to pack, pictures first.
pub(super) struct Packing<'a> {
    arguments: &'a Inputs,
    open: OpenOptions,
    options: WriteOptions,
    inputs: Vec<Input>,
    left_out: Vec<PathBuf>,
    labels: Option<Labels>,
    /// What was packed before this run was resumed.
    done: Option<Archive>,
    is_resumed: bool,
}

/// How an archive is started.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// Anew.
    New,
    /// With all that is there.
    Append,
    /// With what a run that was killed has left, kept after so many images each.
    Resume { every: Option<NonZero<usize>> },
}

impl<'a> Packing<'a> {
    pub(super) fn new(arguments: &'a Inputs, read: &Read, options: WriteOptions) -> Result<Self, Failure> {
        let Found { inputs, left_out } = find(arguments)?;
        let open = OpenOptions::default().with_limits(read.limits());
        let options = options.with_limits(read.limits());
        Ok(Self { arguments, open, options, inputs, left_out, labels: None, done: None, is_resumed: false })
    }

    /// The same, with the classes of all pictures.
    pub(super) fn labelled(mut self) -> Result<Self, Failure> {
        self.labels = Some(Labels::new(&self.inputs)?);
        Ok(self)
    }

    /// The bytes of all inputs.
    pub(super) fn bytes(&self) -> u64 {
        self.inputs.iter().filter_map(|input| Some(fs::metadata(input.path()).ok()?.len())).sum()
    }

    /// Packs all into the archive at this path.
    pub(super) fn run(mut self, path: &Path, start: Start, output: &mut Output) -> Result<Summary, Failure> {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let writer = match start {
            Start::New => super::create(path, &self.options, output)?,
            Start::Append => Writer::append(path, &self.options).map_err(fail)?,
            Start::Resume { every } => {
                self.check_resumable()?;
                self.is_resumed = true;
                if super::exists(path)? {
                    self.done = Some(Archive::open_with(path, self.open.clone()).map_err(fail)?);
                }
                Writer::resume(path, &self.options, every).map_err(fail)?
            }
        };
        let (labels, notes) = (self.labels.take(), Notes::new(std::mem::take(&mut self.left_out)));
        let keys = HashSet::new();
        let mut stage = Stage { packing: &self, writer, pictures: 0, keys, labels, notes };
        let bar = stage.progress(output)?;
        for input in &self.inputs {
            match input {
                Input::Picture { path, key } => stage.add_picture(path, key)?,
                Input::Array { path, key } => stage.add_array(path, key)?,
                Input::Archive { path } => stage.add_archive(path)?,
            }
        }
        stage.add_labels()?;
        let Stage { writer, labels, notes, .. } = stage;
        let summary = super::finish(writer, path);
        bar.finish_and_clear();
        notes.tell(output)?;
        if let Some(labels) = &labels {
            output.remark(labels.summary())?;
        }
        summary
    }

    /// What is packed and how, in words that are the same for the same work.
    pub(super) fn job(&self) -> String {
        let Inputs { name, threshold, invert, background, skip_damaged, .. } = self.arguments;
        let WriteOptions { encoding, compression, codec, .. } = &self.options;
        let mut job = format!(
            "{name:?} {threshold:?} {invert} {background:?} {skip_damaged} {:?} {encoding:?} {compression:?} {codec:?} {}\n",
            self.arguments.axes,
            self.labels.is_some()
        );
        for input in &self.inputs {
            job.push_str(&format!("{:?}\n", input.path()));
        }
        job
    }

    /// That it can be told where to go on.
    fn check_resumable(&self) -> Outcome {
        if self.arguments.skip_damaged && self.arguments.name.is_some() {
            let message = "--resume cannot tell which pictures of a stack were damaged; leave --name or --skip-damaged out";
            return Err(Failure::Message(message.to_owned()));
        }
        Ok(())
    }

    /// How many images there are to pack, as far as headers tell.
    fn images(&self) -> Result<u64, Failure> {
        let images = self.inputs.iter().map(|input| match input {
            Input::Picture { .. } => Ok(1),
            Input::Array { path, .. } => {
                let header = self.header(path)?;
                Ok(header.shape.iter().rev().skip(2).product::<usize>() as u64)
            }
            Input::Archive { path } => images_of(&self.open(path)?, path),
        });
        images.sum()
    }

    /// The header of a `.npy` file.
    fn header(&self, path: &Path) -> Result<Header, Failure> {
        let file = fs::File::open(path).map_err(|error| Failure::at(path, error))?;
        let header = Header::read(BufReader::new(file), &self.open.limits.npy);
        header.map_err(|error| Failure::at(path, error))
    }

    fn open(&self, path: &Path) -> Result<Archive, Failure> {
        Archive::open_with(path, self.open.clone()).map_err(|error| Failure::of(path, &error))
    }

    /// Whether all of an array of this shape was packed before this run: of a stack there may be a part.
    fn is_array_done(&self, key: &str, shape: &[usize]) -> bool {
        let entry = |done: &Archive| done.entry(key).is_ok_and(|entry| entry.shape() == shape);
        self.is_done(key) && self.done.as_ref().is_some_and(entry)
    }

    /// Which axes of the array under a key are height and width.
    fn axes(&self, key: &str) -> ImageAxes {
        let axes = &self.arguments.axes;
        let own = axes.iter().find(|axes| axes.key.as_deref() == Some(key));
        own.or_else(|| axes.iter().find(|axes| axes.key.is_none()))
            .map_or(ImageAxes::Inferred, |axes| axes.axes)
    }

    fn is_done(&self, key: &str) -> bool {
        self.done.as_ref().is_some_and(|done| done.contains(key))
    }

    /// How many images the stack of this key had.
    fn images_done(&self, key: &str) -> usize {
        let entry = self.done.as_ref().and_then(|done| done.entry(key).ok()?.image_count());
        entry.unwrap_or(0)
    }

    fn read_options(&self) -> ReadOptions {
        let ink = if self.arguments.invert { Ink::Black } else { Ink::White };
        let mut options =
            ReadOptions::default().with_ink(ink).with_background(self.arguments.background.into());
        options.threshold = self.arguments.threshold;
        match self.arguments.picture_bytes {
            Some(bytes) => options.with_picture_bytes(bytes),
            None => options,
        }
    }

    /// What the numbers of arrays are compared with.
    fn threshold(&self) -> Option<Threshold> {
        let threshold = Threshold::new(self.arguments.threshold?);
        Some(if self.arguments.invert { threshold.inverted() } else { threshold })
    }
}

/// The images in an archive, as far as headers tell.
fn images_of(archive: &Archive, path: &Path) -> Result<u64, Failure> {
    let entries = archive.entries();
    let images = entries.map(|entry| entry.map(|entry| super::count_images(&entry)));
    images.sum::<bitnpz::Result<u64>>().map_err(|error| Failure::of(path, &error))
}

/// How far packing has come.
struct Stage<'a> {
    packing: &'a Packing<'a>,
    writer: Writer,
    /// The pictures that were seen, damaged ones apart.
    pictures: usize,
    /// The keys of arrays that were seen, if some may be done: of two with one key the second is not the rest of the first.
    keys: HashSet<String>,
    labels: Option<Labels>,
    notes: Notes,
}

impl Stage<'_> {
    /// A bar of all images; those that a run before this one has packed are done.
    fn progress(&mut self, output: &Output) -> Result<ProgressBar, Failure> {
        let (mut done, mut images) = (0, 0);
        if output.shows_progress() {
            let archive = self.packing.done.as_ref();
            done = archive.map_or(Ok(0), |archive| images_of(archive, Path::new("")))?;
            images = self.packing.images()?;
        }
        Ok(output.watch(&mut self.writer, done, images, "packing"))
    }

    fn note_picture(&mut self, key: &str) {
        self.pictures += 1;
        if let Some(labels) = &mut self.labels {
            labels.push(key);
        }
    }

    fn add_picture(&mut self, path: &Path, key: &str) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let stack = self.packing.arguments.name.as_deref();
        let images_done = stack.map_or(0, |name| self.packing.images_done(name));
        if self.pictures < images_done || stack.is_none() && self.packing.is_done(key) {
            self.note_picture(key);
            return Ok(());
        }
        let Some(picture) = self.read(path)? else { return Ok(()) };
        self.notes.picture(path, &picture);
        self.note_picture(key);
        let bitmap = &picture.bitmap;
        let Some(name) = stack else { return self.writer.add_bitmap(key, bitmap.view()).map_err(fail) };
        let image = bitmap.unpack(PixelValues::<bool>::default()).insert_axis(Axis(0));
        self.writer.extend(name, &image).map_err(|error| match error.kind() {
            ErrorKind::WrongShape { .. } => {
                Failure::at(path, format!("{error}; without --name each picture keeps its own shape"))
            }
            _ => fail(error),
        })
    }

    /// Reads a picture; `None` if it is damaged and may be skipped.
    fn read(&mut self, path: &Path) -> Result<Option<Picture>, Failure> {
        match quietly(|| Picture::read(path, &self.packing.read_options())) {
            Ok(picture) => Ok(Some(picture)),
            Err(error @ PictureError::Decode { .. }) if self.packing.arguments.skip_damaged => {
                self.notes.damaged(error.to_string());
                Ok(None)
            }
            Err(error @ PictureError::Decode { .. }) => {
                Err(Failure::Message(format!("{error}; --skip-damaged goes on without it")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// That no other input has an array under this key. A writer that is not resumed sees to that itself.
    fn claim(&mut self, path: &Path, key: &str) -> Outcome {
        let is_free = !self.packing.is_resumed || self.keys.insert(key.to_owned());
        let message = || format!("{key:?}: another input has this key already (a and a.npy are one key)");
        if is_free { Ok(()) } else { Err(Failure::at(path, message())) }
    }

    fn add_array(&mut self, path: &Path, key: &str) -> Outcome {
        self.claim(path, key)?;
        let header = self.packing.header(path)?;
        if self.packing.is_array_done(key, &header.shape) {
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

    fn add_archive(&mut self, path: &Path) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let archive = self.packing.open(path)?;
        for item in archive.items() {
            let entry = match item.map_err(fail)? {
                Item::Array(entry) => entry,
                Item::Other(other) if self.writer.contains(other.name()) => continue,
                Item::Other(other) => {
                    self.writer.add_other(&other).map_err(fail)?;
                    self.notes.other(&other);
                    continue;
                }
                _ => continue,
            };
            let key = entry.key();
            self.claim(path, key)?;
            if self.packing.is_array_done(key, entry.shape()) {
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

    fn add_labels(&mut self) -> Outcome {
        let is_done = Labels::keys().iter().all(|key| self.packing.is_done(key));
        match self.labels.as_ref().filter(|_| !is_done) {
            Some(labels) => labels.write(&mut self.writer),
            None => Ok(()),
        }
    }
}

/// Runs a decoder, whose panics are errors and are not printed.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let result = work();
    std::panic::set_hook(hook);
    result
}
