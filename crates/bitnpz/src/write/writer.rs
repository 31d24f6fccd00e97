//! `Writer`: starting and finishing an archive.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitnpz_npz::AtomicFile;

use super::checkpoint::Checkpoint;
use super::ledger::Summary;
use super::output::{FinishedOutput, Output};
use super::sets::SetsWriter;
use super::target::Target;
use super::waiting::WaitingStacks;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::held_file::HeldFile;
use crate::names;
use crate::options::WriteOptions;
use crate::progress::{Meter, Progress};
use crate::set::SetOptions;
use crate::threads;

/// Writes an archive: images and ordinary arrays, each under its key.
///
/// The archive appears at its path when [`finish`](Self::finish) returns, and not before: a writer that is dropped leaves nothing
/// behind, and the file that it was to replace as it was. Images are compressed on all cores while they are added; memory stays
/// bounded, however many there are.
///
/// ```
/// use ndarray::array;
///
/// let folder = tempfile::tempdir()?;
/// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
/// writer.add_image("ix-000000", &array![[0_u8, 255], [255, 0]])?;
/// writer.add_array("outputs", &array![3_i64])?;
/// assert_eq!(writer.finish()?.images, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer {
    pub(super) output: Output,
    pub(super) sets: SetsWriter,
    /// Stacks that can still be extended and become members, which are written in one go.
    pub(super) waiting: WaitingStacks,
    /// The folder for temporary files: that of the archive.
    pub(super) folder: PathBuf,
    encoding: Encoding,
    pub(super) checkpoint: Option<Checkpoint>,
    /// The file of the archive that is appended to.
    pub(super) appended_to: Option<HeldFile>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Writer");
        fields.field("encoding", &self.encoding).field("ledger", &self.output.ledger).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts an archive of image sets at this path.
    ///
    /// # Errors
    ///
    /// If no file can be made there.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Self::create_with(path, &WriteOptions::default())
    }

    /// Starts an archive with these options.
    ///
    /// # Errors
    ///
    /// If no file can be made there.
    pub fn create_with(path: impl AsRef<Path>, options: &WriteOptions) -> Result<Self> {
        let path = path.as_ref();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let meter = options.meter();
        let target = Target::file(AtomicFile::create(path)?, meter.clone());
        Ok(Self::start(target, folder, options, meter))
    }

    /// Starts an archive without a path, for [`finish_into`](Self::finish_into). Until then it is in a temporary file.
    ///
    /// # Errors
    ///
    /// If no temporary file can be made.
    pub fn unnamed(options: &WriteOptions) -> Result<Self> {
        let meter = options.meter();
        let target = Target::file(AtomicFile::unnamed()?, meter.clone());
        Ok(Self::start(target, &std::env::temp_dir(), options, meter))
    }

    /// Starts an archive that is written to `output` as it is made, such as a pipe or an upload, without a temporary file. If
    /// writing fails, `output` has a part of it, which is no archive.
    ///
    /// Stacks that are [extended](Self::extend) in the encodings `packed` and `plain` wait in memory, and from 64 MiB of packed rows
    /// on in a temporary file.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::sync::mpsc::{Sender, channel};
    ///
    /// struct Upload(Sender<Vec<u8>>);
    ///
    /// impl Write for Upload {
    ///     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
    ///         self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
    ///         Ok(bytes.len())
    ///     }
    ///
    ///     fn flush(&mut self) -> std::io::Result<()> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let (sender, parts) = channel();
    /// let mut writer = bitnpz::Writer::into_output(Upload(sender), &bitnpz::WriteOptions::default());
    /// writer.add_images("glyphs", &ndarray::Array3::from_elem((2000, 9, 9), true))?;
    /// writer.finish()?;
    /// let archive = bitnpz::Archive::from_bytes(parts.iter().flatten().collect())?;
    /// assert_eq!(archive.images("glyphs")?.len(), 2000);
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    #[must_use]
    pub fn into_output(output: impl Write + Send + 'static, options: &WriteOptions) -> Self {
        let meter = options.meter();
        let target = Target::output(Box::new(output), meter.clone());
        Self::start(target, &std::env::temp_dir(), options, meter)
    }

    /// Starts an archive there, with temporary files in this folder.
    pub(super) fn start(target: Target, folder: &Path, options: &WriteOptions, meter: Meter) -> Self {
        let output = Output::new(target, options, meter.clone());
        let sets = set_options(options, meter);
        Self {
            output,
            sets: SetsWriter::new(sets, folder.to_owned()),
            waiting: WaitingStacks::new(folder.to_owned()),
            folder: folder.to_owned(),
            encoding: options.encoding.unwrap_or_default(),
            checkpoint: None,
            appended_to: None,
        }
    }

    /// Returns the encoding of the images that are added.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Calls `report` with the writer's progress: several times a second while it writes, and when it has finished.
    ///
    /// Images count when they are encoded, so that progress follows what takes time. `report` is called from within calls of the
    /// writer, on their threads.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
    /// let (sender, reports) = channel();
    /// writer.on_progress(move |progress| drop(sender.send(progress)));
    /// writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), true))?;
    /// writer.finish()?;
    /// assert_eq!(reports.iter().last().map(|last| last.images), Some(5000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_progress(&mut self, report: impl FnMut(Progress) + Send + 'static) {
        self.output.meter.set_callback(report);
    }

    /// Returns whether something was added under this key, or was there when the writer [appends](Self::append).
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.output.contains(key)
    }

    /// Completes the archive and moves it to its path.
    ///
    /// # Errors
    ///
    /// If writing fails; then the file that was to be replaced is as it was.
    pub fn finish(self) -> Result<Summary> {
        if let Some(checkpoint) = &self.checkpoint
            && let Some(summary) = checkpoint.kept_summary()?
        {
            return Ok(summary);
        }
        let meter = self.output.meter.clone();
        let summary = self.complete()?.commit()?;
        meter.report_last();
        Ok(summary)
    }

    /// Completes the archive and writes all of it to `out`. Nothing appears at the path of an archive that has one.
    ///
    /// ```
    /// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_image("ix-000000", &ndarray::array![[false, true]])?;
    /// let mut bytes = Vec::new();
    /// assert_eq!(writer.finish_into(&mut bytes)?.images, 1);
    /// assert!(bytes.starts_with(b"PK"));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish_into(self, out: impl Write) -> Result<Summary> {
        let FinishedOutput { summary, target, meter, .. } = self.complete()?;
        target.copy_to(out)?;
        meter.report_last();
        Ok(summary)
    }

    pub(super) fn complete(mut self) -> Result<FinishedOutput> {
        self.output.check_owner()?;
        self.waiting.write(&mut self.output)?;
        self.sets.finish(&mut self.output)?;
        let listed = self.sets.write_list(&mut self.output)?;
        self.output.finish(&listed, self.appended_to)
    }

    /// Takes a key.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        self.start_change()?;
        names::check_key(key)?;
        self.output.claim(key)
    }

    /// Checks that this process may write, and notes that the archive differs from what was kept: that is done first if it failed
    /// when it was due.
    pub(super) fn start_change(&mut self) -> Result<()> {
        self.output.check_owner()?;
        if self.checkpoint.as_ref().is_some_and(Checkpoint::is_due) {
            self.keep()?;
        }
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.is_kept = false;
        }
        Ok(())
    }
}

/// Returns how image sets are written.
pub(super) fn set_options(options: &WriteOptions, meter: Meter) -> SetOptions {
    SetOptions {
        codec: options.codec,
        model: options.model.as_ref().map(|model| Arc::clone(model.of_codec())),
        effort: options.effort,
        threads: options.threads.unwrap_or_else(threads::default_count),
        pixel_bytes: 1,
        meter,
    }
}
