//! Archives that are kept at their path while they are written, so that a killed writer can be resumed.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{fs, io};

use bitnpz_npz::AtomicFile;

use super::append::all_of;
use super::checkpoint::Checkpoint;
use super::output::FinishedOutput;
use super::target::Target;
use super::writer::Writer;
use crate::error::Result;
use crate::held_file::HeldFile;
use crate::options::WriteOptions;
use crate::set::images_at_once;

/// A stack is kept after four times as many images as are encoded together, so that none is encoded sooner for that.
const TIMES_ENCODED: usize = 4;

impl Writer {
    /// Starts an archive that is kept at this path after every so many images, or continues the one that is there. By default it
    /// is kept after a million images, and a stack of the encoding `sets` after every 128 MiB of packed rows.
    ///
    /// To resume, add the same again, from the first array that the archive does not have in full. The result has the same bytes
    /// as that of a writer that was not killed. Of `.npy` files and arrays of archives that are stacks, only the missing images
    /// are added.
    ///
    /// ```
    /// use std::num::NonZero;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("training.npz");
    /// let options = bitnpz::WriteOptions::default();
    /// for number in 0..4 {
    ///     let mut writer = bitnpz::Writer::resume(&path, &options, NonZero::new(2))?;
    ///     writer.add_image(&format!("ix-{number}"), &ndarray::array![[true, number > 2]])?;
    ///     writer.keep()?;
    ///     // Killed.
    /// }
    /// assert_eq!(bitnpz::Archive::open(&path)?.len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create_with`](Self::create_with) and [`append`](Self::append).
    pub fn resume(
        path: impl AsRef<Path>,
        options: &WriteOptions,
        every: Option<NonZero<usize>>,
    ) -> Result<Self> {
        let path = path.as_ref();
        let is_there = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            // Other errors come again when the archive is opened.
            _ => true,
        };
        let mut writer =
            if is_there { Self::append(path, options)? } else { Self::create_with(path, options)? };
        // An archive that is there keeps its encoding.
        let options = WriteOptions { encoding: Some(writer.encoding()), ..options.clone() };
        writer.checkpoint =
            Some(Checkpoint { path: path.to_owned(), options, every, added: 0, is_kept: is_there });
        Ok(writer)
    }

    /// Keeps everything that was added at the path of an archive that can be [resumed](Self::resume), and continues. Does nothing
    /// for other archives, nor while stacks of the encodings `packed` and `plain` are being extended.
    ///
    /// # Errors
    ///
    /// If no file can be made there: then nothing has changed. If writing fails: then the writer cannot continue, and the path has
    /// what was kept before.
    pub fn keep(&mut self) -> Result<()> {
        let Some(path) = self.kept_path() else { return Ok(()) };
        self.keep_in(AtomicFile::create(&path)?, &path)
    }

    /// Keeps everything that was added in a file that gets this path.
    fn keep_in(&mut self, file: AtomicFile, path: &Path) -> Result<()> {
        let Some(mut checkpoint) = self.checkpoint.take() else { return Ok(()) };
        let meter = self.output.meter.clone();
        let target = Target::file(file, meter.clone());
        let next = Self::start(target, &self.folder, &checkpoint.options, meter);
        let done = std::mem::replace(self, next);
        let kept = done.complete().and_then(FinishedOutput::commit);
        self.appended_to = HeldFile::open(path).ok();
        let result = kept.and_then(|_| {
            let archive = checkpoint.archive()?;
            self.take_over(&archive, all_of(&archive), |_, _| Ok(true), |_, _| Ok(()))
        });
        (checkpoint.added, checkpoint.is_kept) = (0, result.is_ok());
        self.checkpoint = Some(checkpoint);
        self.output.whole(|_| result)
    }

    /// Counts images that were added, and keeps the archive when they are enough.
    pub(super) fn note_added(&mut self, images: usize) -> Result<()> {
        let is_due = self.checkpoint.as_mut().is_some_and(|checkpoint| checkpoint.add(images));
        let Some(path) = self.kept_path().filter(|_| is_due) else { return Ok(()) };
        // If no file can be made now, it is tried again before more is added, which fails then: these images are in the archive.
        AtomicFile::create(&path).map_or(Ok(()), |file| self.keep_in(file, &path))
    }

    /// Returns the path at which the archive can be kept now.
    fn kept_path(&self) -> Option<PathBuf> {
        let checkpoint = self.checkpoint.as_ref().filter(|_| self.waiting.is_empty());
        checkpoint.map(|checkpoint| checkpoint.path.clone())
    }

    /// Returns the number of images of this size after which a stack is kept; `None` if it is not kept before it is whole.
    pub(super) fn kept_after(&self, size: [usize; 2]) -> Option<usize> {
        let every = self.checkpoint.as_ref()?.every;
        Some(every.map_or(TIMES_ENCODED * images_at_once(size), NonZero::get))
    }
}
