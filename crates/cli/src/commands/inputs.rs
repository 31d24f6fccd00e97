//! What `bitnpz pack` and `bitnpz append` take in.

use std::collections::HashMap;
use std::fs;
use std::io::BufReader;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use bitnpz::picture::{Ink, ReadOptions, read};
use bitnpz::{Archive, ErrorKind, Header, OpenOptions, PixelValues, Summary, WriteOptions, Writer};
use indicatif::ProgressBar;
use ndarray::Axis;

use crate::arguments::{Inputs, Read};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// The endings of files that are pictures.
const PICTURES: [&str; 9] = ["png", "pbm", "pgm", "ppm", "pnm", "tif", "tiff", "bmp", "gif"];

/// One thing to pack.
enum Input {
    Picture { path: PathBuf, key: String },
    Array { path: PathBuf, key: String },
    Archive { path: PathBuf },
}

/// Everything to pack, pictures first.
pub(super) struct Packing<'a> {
    arguments: &'a Inputs,
    open: OpenOptions,
    options: WriteOptions,
    inputs: Vec<Input>,
    /// What was packed before this run was resumed.
    done: Option<Archive>,
}

impl<'a> Packing<'a> {
    pub(super) fn new(arguments: &'a Inputs, read: &Read, options: WriteOptions) -> Result<Self, Failure> {
        let mut inputs = find(arguments)?;
        check_keys(&inputs, arguments.name.as_deref())?;
        inputs.sort_by_key(|input| !matches!(input, Input::Picture { .. }));
        let open = OpenOptions::default().with_limits(read.limits());
        let options = options.with_limits(read.limits());
        Ok(Self { arguments, open, options, inputs, done: None })
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
                if super::exists(path)? {
                    self.done = Some(Archive::open_with(path, self.open.clone()).map_err(fail)?);
                }
                Writer::resume(path, &self.options, every).map_err(fail)?
            }
        };
        let mut stage = Stage { packing: &self, writer, pictures: 0 };
        let bar = stage.progress(output)?;
        for input in &self.inputs {
            match input {
                Input::Picture { path, key } => stage.add_picture(path, key)?,
                Input::Array { path, key } => stage.add_array(path, key)?,
                Input::Archive { path } => stage.add_archive(path)?,
            }
        }
        let summary = super::finish(stage.writer, path);
        bar.finish_and_clear();
        summary
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

    fn is_done(&self, key: &str) -> bool {
        self.done.as_ref().is_some_and(|done| done.contains(key))
    }

    /// Whether all of an array of this shape was packed before this run: of a stack there may be a part.
    fn is_array_done(&self, key: &str, shape: &[usize]) -> bool {
        let entry = |done: &Archive| done.entry(key).is_ok_and(|entry| entry.shape() == shape);
        self.is_done(key) && self.done.as_ref().is_some_and(entry)
    }

    /// How many images the stack of this key had.
    fn images_done(&self, key: &str) -> usize {
        let entry = self.done.as_ref().and_then(|done| done.entry(key).ok()?.images());
        entry.unwrap_or(0)
    }

    fn read_options(&self) -> ReadOptions {
        let ink = if self.arguments.invert { Ink::Black } else { Ink::White };
        let options = ReadOptions::default().with_ink(ink);
        match self.arguments.threshold {
            Some(threshold) => options.with_threshold(threshold),
            None => options,
        }
    }
}

impl Input {
    fn path(&self) -> &Path {
        match self {
            Self::Picture { path, .. } | Self::Array { path, .. } | Self::Archive { path } => path,
        }
    }

    /// What a file is, by its ending.
    fn new(path: &Path, below: Option<&Path>) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let relative = below.and_then(|folder| path.strip_prefix(folder).ok());
        let name =
            relative.map_or_else(|| PathBuf::from(path.file_name().unwrap_or_default()), Path::to_path_buf);
        let parts: Vec<String> =
            name.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let (path, key) = (path.to_owned(), parts.join("/"));
        match ending.as_str() {
            "npy" => Some(Self::Array { path, key }),
            "npz" => Some(Self::Archive { path }),
            ending if PICTURES.contains(&ending) => Some(Self::Picture { path, key }),
            _ => None,
        }
    }
}

/// What the arguments name, folders and globs in the order of their names.
fn find(arguments: &Inputs) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for argument in &arguments.inputs {
        let path = Path::new(argument);
        if path.is_dir() {
            let mut files = Vec::new();
            walk(path, &mut files).map_err(|error| Failure::at(path, error))?;
            let found: Vec<Input> = files.iter().filter_map(|file| Input::new(file, Some(path))).collect();
            if found.is_empty() {
                return Err(Failure::at(path, "expected pictures, .npy or .npz files in it, found none"));
            }
            inputs.extend(found);
        } else if path.exists() {
            inputs.push(Input::new(path, None).ok_or_else(|| unknown(path))?);
        } else {
            let paths = glob::glob(argument).map_err(|error| Failure::at(path, error))?;
            let paths: Vec<PathBuf> = paths.filter_map(Result::ok).filter(|path| path.is_file()).collect();
            if paths.is_empty() {
                return Err(Failure::missing(path));
            }
            for path in paths {
                inputs.push(Input::new(&path, None).ok_or_else(|| unknown(&path))?);
            }
        }
    }
    if let Some(name) = &arguments.name {
        let mut arrays = inputs.iter_mut().filter_map(|input| match input {
            Input::Array { key, .. } => Some(key),
            _ => None,
        });
        if let Some(key) = arrays.next() {
            name.clone_into(key);
        }
    }
    Ok(inputs)
}

fn unknown(path: &Path) -> Failure {
    Failure::at(path, "expected a picture (png, pbm, tiff, bmp, gif), a .npy or a .npz file")
}

/// All files below a folder, in the order of their names.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// That no two files ask for one key.
fn check_keys(inputs: &[Input], name: Option<&str>) -> Outcome {
    let mut known = HashMap::<&str, &Path>::new();
    for input in inputs {
        let key = match input {
            Input::Picture { .. } if name.is_some() => continue,
            Input::Picture { key, .. } | Input::Array { key, .. } => key,
            Input::Archive { .. } => continue,
        };
        if let Some(other) = known.insert(key, input.path()) {
            let message = format!("the key {key:?} is that of {} too", other.display());
            return Err(Failure::at(input.path(), message));
        }
    }
    Ok(())
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
    /// The pictures that were seen.
    pictures: usize,
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

    fn add_picture(&mut self, path: &Path, key: &str) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let stack = self.packing.arguments.name.as_deref();
        let images_done = stack.map_or(0, |name| self.packing.images_done(name));
        self.pictures += 1;
        if self.pictures <= images_done || stack.is_none() && self.packing.is_done(key) {
            return Ok(());
        }
        let bitmap = read(path, &self.packing.read_options())?;
        let Some(name) = stack else { return self.writer.add_bitmap(key, bitmap.view()).map_err(fail) };
        let image = bitmap.unpack(PixelValues::<bool>::default()).insert_axis(Axis(0));
        self.writer.extend(name, &image).map_err(|error| match error.kind() {
            ErrorKind::WrongShape { .. } => {
                Failure::at(path, format!("{error}; without --name each picture keeps its own shape"))
            }
            _ => fail(error),
        })
    }

    fn add_array(&mut self, path: &Path, key: &str) -> Outcome {
        if self.packing.is_done(key) && self.packing.is_array_done(key, &self.packing.header(path)?.shape) {
            return Ok(());
        }
        let limits = &self.packing.options.limits;
        self.writer.add_npy_file(key, path, limits).map_err(|error| Failure::of(path, &error))
    }

    fn add_archive(&mut self, path: &Path) -> Outcome {
        let fail = |error: bitnpz::Error| Failure::of(path, &error);
        let archive = self.packing.open(path)?;
        for key in archive.keys() {
            let entry = archive.entry(&key).map_err(fail)?;
            if self.packing.is_array_done(&key, entry.shape()) {
                continue;
            }
            self.writer.add_entry(&entry).map_err(fail)?;
        }
        Ok(())
    }
}
