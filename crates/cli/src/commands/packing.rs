//! The inputs and options of `pack` and `append`.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use bitnpz::picture::{Polarity, ReadOptions};
use bitnpz::{Archive, Header, ImageAxes, OpenOptions, Threshold, WriteOptions};

use super::copy::count_images;
use super::inputs::{FoundInputs, Input, LeftOut, find};
use super::labels::Labels;
use crate::failure::{Failure, Outcome};
use crate::options::{InputArgs, LimitArgs};

/// The inputs, pictures first, and how they are read and written.
pub(super) struct Packing<'a> {
    arguments: &'a InputArgs,
    pub(super) open: OpenOptions,
    pub(super) options: WriteOptions,
    pub(super) inputs: Vec<Input>,
    pub(super) left_out: LeftOut,
    pub(super) labels: Option<Labels>,
}

impl<'a> Packing<'a> {
    /// Finds the inputs that the arguments name.
    pub(super) fn new(
        arguments: &'a InputArgs,
        limits: &LimitArgs,
        options: WriteOptions,
    ) -> Result<Self, Failure> {
        let FoundInputs { inputs, left_out } = find(arguments)?;
        let open = OpenOptions::default().with_limits(limits.limits());
        let options = options.with_limits(limits.limits());
        Ok(Self { arguments, open, options, inputs, left_out, labels: None })
    }

    /// Adds the classes of all pictures.
    pub(super) fn labelled(mut self) -> Result<Self, Failure> {
        self.labels = Some(Labels::new(&self.inputs)?);
        Ok(self)
    }

    /// Returns the size of all input files in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.inputs.iter().filter_map(|input| Some(fs::metadata(input.path()).ok()?.len())).sum()
    }

    /// Returns the number of images in all inputs, as far as headers tell.
    pub(super) fn images(&self) -> Result<u64, Failure> {
        let images = self.inputs.iter().map(|input| match input {
            Input::Picture { .. } => Ok(1),
            Input::Array { path, .. } => {
                let header = self.header(path)?;
                Ok(header.shape.iter().rev().skip(2).product::<usize>() as u64)
            }
            Input::Archive { path } => count_all_images(&self.open(path)?, path),
        });
        images.sum()
    }

    /// Describes the inputs and options; the text is the same if and only if the same is packed in the same way.
    pub(super) fn job(&self) -> String {
        let InputArgs { name, threshold, invert, background, skip_damaged, axes, .. } = self.arguments;
        let WriteOptions { encoding, compression, codec, effort, .. } = &self.options;
        let mut job = format!(
            "{name:?} {threshold:?} {invert} {background:?} {skip_damaged} {axes:?} {encoding:?} {compression:?} {codec:?} {effort:?} {}\n",
            self.labels.is_some()
        );
        for input in &self.inputs {
            job.push_str(&format!("{:?} {:?}\n", input.path(), input.key()));
        }
        job
    }

    /// Checks that a resumed run can find out where to continue.
    pub(super) fn check_resumable(&self) -> Outcome {
        if self.skips_damaged() && self.stack().is_some() {
            let message =
                "--resume cannot tell which pictures of a stack were damaged; omit --name or --skip-damaged";
            return Err(Failure::Message(message.to_owned()));
        }
        if self.joins_arrays() {
            let message = "--resume cannot tell which arrays a stack has already; omit --name or --resume";
            return Err(Failure::Message(message.to_owned()));
        }
        Ok(())
    }

    /// The key of the stack that all pictures are added to, if there is one.
    pub(super) fn stack(&self) -> Option<&'a str> {
        self.arguments.name.as_deref()
    }

    /// Returns whether an array is added to the stack of other inputs.
    pub(super) fn joins_arrays(&self) -> bool {
        let is_array = |input: &Input| matches!(input, Input::Array { .. });
        let is_named = |input: &&Input| !matches!(input, Input::Archive { .. });
        let named = self.inputs.iter().filter(is_named).count();
        self.stack().is_some() && named > 1 && self.inputs.iter().any(is_array)
    }

    pub(super) fn skips_damaged(&self) -> bool {
        self.arguments.skip_damaged
    }

    /// Reads the header of a `.npy` file.
    pub(super) fn header(&self, path: &Path) -> Result<Header, Failure> {
        let file = File::open(path).map_err(|error| Failure::at(path, error))?;
        let header = Header::read(BufReader::new(file), &self.open.limits.npy);
        header.map_err(|error| Failure::at(path, error))
    }

    pub(super) fn open(&self, path: &Path) -> Result<Archive, Failure> {
        Archive::open_with(path, &self.open).map_err(|error| Failure::of(path, &error))
    }

    /// Returns the axes that are the height and width of the array under a key.
    pub(super) fn axes(&self, key: &str) -> ImageAxes {
        let axes = &self.arguments.axes;
        let own = axes.iter().find(|axes| axes.key.as_deref() == Some(key));
        own.or_else(|| axes.iter().find(|axes| axes.key.is_none()))
            .map_or(ImageAxes::Inferred, |axes| axes.axes)
    }

    /// Returns how pictures are read.
    pub(super) fn picture_options(&self) -> ReadOptions {
        let polarity = if self.arguments.invert { Polarity::BlackIsOne } else { Polarity::WhiteIsOne };
        let mut options =
            ReadOptions::default().with_polarity(polarity).with_background(self.arguments.background.into());
        options.threshold = self.arguments.threshold;
        match self.arguments.picture_bytes {
            Some(bytes) => options.with_picture_bytes(bytes),
            None => options,
        }
    }

    /// Returns the threshold for arrays, if there is one.
    pub(super) fn threshold(&self) -> Option<Threshold> {
        let threshold = Threshold::new(self.arguments.threshold?);
        Some(if self.arguments.invert { threshold.inverted() } else { threshold })
    }
}

/// Returns the number of images in an archive, as far as headers tell.
pub(super) fn count_all_images(archive: &Archive, path: &Path) -> Result<u64, Failure> {
    let images = archive.entries().map(|entry| entry.map(|entry| count_images(&entry)));
    images.sum::<bitnpz::Result<u64>>().map_err(|error| Failure::of(path, &error))
}
