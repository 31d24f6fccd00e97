//! Packing inputs into an archive, with points to go on from.

use std::fs;
use std::path::{Path, PathBuf};

use bitnpz::picture::{Ink, Picture, PictureError, ReadOptions};
use bitnpz::{Archive, ErrorKind, OpenOptions, PixelValues, Summary, Threshold, WriteOptions, Writer};
use indicatif::ProgressBar;
use ndarray::Axis;

use super::inputs::{Found, Input, find};
use super::labels::Labels;
use super::notes::Notes;
use crate::arguments::{Inputs, Read};
use crate::failure::Failure;
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
    /// A writer is finished and started again after so many images.
    every: usize,
}

impl<'a> Packing<'a> {
    pub(super) fn new(arguments: &'a Inputs, read: &Read, options: WriteOptions) -> Result<Self, Failure> {
        let Found { inputs, left_out } = find(arguments)?;
        let open = OpenOptions::default().with_limits(read.limits());
        let options = options.with_limits(read.limits());
        Ok(Self { arguments, open, options, inputs, left_out, labels: None, done: None, every: usize::MAX })
    }

    /// The same, with the classes of all pictures.
    pub(super) fn labelled(mut self) -> Result<Self, Failure> {
        self.labels = Some(Labels::new(&self.inputs)?);
        Ok(self)
    }

    /// The same, kept at the path it is written to after so many images each; what is there already is left out.
    pub(super) fn resume(mut self, path: &Path, every: usize) -> Result<Self, Failure> {
        if self.arguments.skip_damaged && self.arguments.name.is_some() {
            let message = "--resume cannot tell which pictures of a stack were damaged; leave --name or --skip-damaged out";
            return Err(Failure::Message(message.to_owned()));
        }
        if super::exists(path)? {
            let done = Archive::open_with(path, self.open.clone());
            self.done = Some(done.map_err(|error| Failure::at(path, error))?);
        }
        self.every = every;
        Ok(self)
    }

    /// The bytes of all inputs.
    pub(super) fn bytes(&self) -> u64 {
        self.inputs.iter().filter_map(|input| Some(fs::metadata(input.path()).ok()?.len())).sum()
    }

    /// Packs all into the archive at this path, after what is there if it is there already; `None` if a run that is resumed
    /// had nothing left to do.
    pub(super) fn run(
        mut self,
        path: &Path,
        appends: bool,
        output: &mut Output,
    ) -> Result<Option<Summary>, Failure> {
        let bar = output.progress(self.steps()?, "packing");
        let (labels, notes) = (self.labels.take(), Notes::new(std::mem::take(&mut self.left_out)));
        let mut stage = Stage { packing: &self, path, bar, added: 0, images: 0, kept: None, labels, notes };
        let mut writer = stage.start(appends)?;
        for input in &self.inputs {
            writer = match input {
                Input::Picture { path, key } => stage.add_picture(writer, path, key)?,
                Input::Array { path, key } => stage.add_array(writer, path, key)?,
                Input::Archive { path } => stage.add_archive(writer, path)?,
            };
        }
        writer = stage.add_labels(writer)?;
        stage.bar.finish_and_clear();
        // What is kept already is not written again: the bytes must not tell where a run was killed.
        let summary = if stage.added == 0 && (stage.kept.is_some() || self.done.is_some()) {
            stage.kept
        } else {
            Some(writer.finish().map_err(|error| Failure::of(path, &error))?)
        };
        stage.notes.tell(output)?;
        if let Some(labels) = &stage.labels {
            output.remark(labels.summary())?;
        }
        Ok(summary)
    }

    /// How many steps packing takes: pictures, arrays, and the keys of archives.
    fn steps(&self) -> Result<u64, Failure> {
        let steps = self.inputs.iter().map(|input| match input {
            Input::Archive { path } => Ok(self.open(path)?.len() as u64),
            _ => Ok(1),
        });
        steps.sum()
    }

    fn open(&self, path: &Path) -> Result<Archive, Failure> {
        Archive::open_with(path, self.open.clone()).map_err(|error| Failure::at(path, error))
    }

    fn is_done(&self, key: &str) -> bool {
        self.done.as_ref().is_some_and(|done| done.contains(key))
    }

    /// How many images the stack of this key had.
    fn images_done(&self, key: &str) -> usize {
        let entry = self.done.as_ref().and_then(|done| done.entry(key).ok()?.images());
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

/// How far packing has come.
struct Stage<'a> {
    packing: &'a Packing<'a>,
    /// The archive that is written.
    path: &'a Path,
    bar: ProgressBar,
    /// Images and arrays since the archive was last finished.
    added: usize,
    /// Pictures in the archive.
    images: usize,
    /// What the archive had when it was last finished, if this run finished it.
    kept: Option<Summary>,
    labels: Option<Labels>,
    notes: Notes,
}

impl Stage<'_> {
    fn start(&self, appends: bool) -> Result<Writer, Failure> {
        let options = &self.packing.options;
        let writer = if appends {
            Writer::append(self.path, options)
        } else {
            Writer::create_with(self.path, options)
        };
        writer.map_err(|error| Failure::of(self.path, &error))
    }

    /// Keeps what was added, if that is enough.
    fn step(&mut self, writer: Writer, images: usize) -> Result<Writer, Failure> {
        self.bar.inc(1);
        self.added = self.added.saturating_add(images.max(1));
        if self.added < self.packing.every {
            return Ok(writer);
        }
        self.added = 0;
        self.kept = Some(writer.finish().map_err(|error| Failure::of(self.path, &error))?);
        self.start(true)
    }

    /// Notes that a picture is in the archive.
    fn note_picture(&mut self, key: &str) {
        self.images += 1;
        if let Some(labels) = &mut self.labels {
            labels.push(key);
        }
    }

    fn add_picture(&mut self, mut writer: Writer, path: &Path, key: &str) -> Result<Writer, Failure> {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let stack = self.packing.arguments.name.as_deref();
        let images_done = stack.map_or(0, |name| self.packing.images_done(name));
        if self.images < images_done || stack.is_none() && self.packing.is_done(key) {
            self.note_picture(key);
            self.bar.inc(1);
            return Ok(writer);
        }
        let Some(picture) = self.read(path)? else {
            self.bar.inc(1);
            return Ok(writer);
        };
        self.notes.picture(path, &picture);
        match stack {
            Some(name) => {
                let image = picture.bitmap.unpack(PixelValues::<bool>::default()).insert_axis(Axis(0));
                writer.extend(name, &image).map_err(|error| match error.kind() {
                    ErrorKind::WrongShape { .. } => {
                        Failure::at(path, format!("{error}; without --name each picture keeps its own shape"))
                    }
                    _ => fail(error),
                })?;
            }
            None => writer.add_bitmap(key, picture.bitmap.view()).map_err(fail)?,
        }
        self.note_picture(key);
        self.step(writer, 1)
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

    fn add_array(&mut self, mut writer: Writer, path: &Path, key: &str) -> Result<Writer, Failure> {
        if self.packing.is_done(key) {
            self.bar.inc(1);
            return Ok(writer);
        }
        let limits = &self.packing.options.limits;
        let added = match self.packing.threshold() {
            Some(threshold) => writer.add_npy_file_at(key, path, limits, threshold),
            None => writer.add_npy_file(key, path, limits),
        };
        added.map_err(|error| Failure::of(path, &error))?;
        self.step(writer, 1)
    }

    fn add_archive(&mut self, mut writer: Writer, path: &Path) -> Result<Writer, Failure> {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let archive = self.packing.open(path)?;
        for key in archive.keys() {
            if self.packing.is_done(&key) {
                self.bar.inc(1);
                continue;
            }
            let entry = archive.entry(&key).map_err(fail)?;
            match self.packing.threshold() {
                Some(threshold) => writer.add_entry_at(&entry, threshold).map_err(fail)?,
                None => writer.add_entry(&entry).map_err(fail)?,
            }
            writer = self.step(writer, entry.images().unwrap_or(0))?;
        }
        Ok(writer)
    }

    fn add_labels(&mut self, mut writer: Writer) -> Result<Writer, Failure> {
        let is_done = Labels::keys().iter().all(|key| self.packing.is_done(key));
        if let Some(labels) = self.labels.as_ref().filter(|_| !is_done) {
            labels.write(&mut writer)?;
            self.added += 1;
        }
        Ok(writer)
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
