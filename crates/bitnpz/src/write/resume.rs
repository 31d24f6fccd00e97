//! Archives that are kept at their path while they are written, so that one can go on where a writer was killed.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::{fs, io};

use bitnpz_npz::{AtomicFile, OpenOptions};

use super::writer::{Summary, Writer};
use crate::error::Result;
use crate::options::WriteOptions;
use crate::read::{Archive, Item};
use crate::set::segment_images;

/// An archive is kept after so many images unless told otherwise.
const IMAGES: usize = 1 << 20;

/// A stack is kept after so many segments, so that its segments are those of one that was never kept.
const SEGMENTS: usize = 4;

/// What it takes to keep an archive and go on with it.
#[derive(Debug)]
pub(super) struct Resume {
    path: PathBuf,
    options: WriteOptions,
    every: Option<NonZero<usize>>,
    /// Images and arrays since it was kept last.
    added: usize,
    /// Whether the path has all that was added.
    is_kept: bool,
}

impl Writer {
    /// Starts an archive that is kept at this path after every so many images, or goes on with the one that is there. Unless
    /// told otherwise it is kept after a million images, stacks of the encoding `sets` after every 128 MiB of packed rows.
    ///
    /// Whoever adds the same again, from the first array that is not there in full, comes to the same bytes as a writer that
    /// was not killed. Of `.npy` files and arrays of archives that are stacks, only what is missing is added.
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
            // What cannot be told is told by who opens it.
            _ => true,
        };
        let mut writer =
            if is_there { Self::append(path, options)? } else { Self::create_with(path, options)? };
        writer.resume = Some(Resume {
            path: path.to_owned(),
            options: options.clone(),
            every,
            added: 0,
            is_kept: is_there,
        });
        Ok(writer)
    }

    /// Keeps what was added at the path of an archive that can be [resumed](Self::resume), and goes on. Does nothing for any
    /// other, nor while stacks wait that come in batches.
    ///
    /// # Errors
    ///
    /// If writing fails; then the writer cannot go on, and the path has what was kept before.
    pub fn keep(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            return Ok(());
        }
        let Some(mut resume) = self.resume.take() else { return Ok(()) };
        let file = AtomicFile::create(&resume.path)?;
        let next = Self::start(file, &self.folder, &resume.options, self.meter.clone());
        let done = std::mem::replace(self, next);
        let kept = done.complete().and_then(|(_, file, _)| Ok(file.commit()?));
        let result = kept.and_then(|()| {
            let archive = resume.archive()?;
            self.take_over(&archive, |_| true, |_| true, |_, _| Ok(()))
        });
        if result.is_err() {
            self.zip.abandon();
        }
        (resume.added, resume.is_kept) = (0, true);
        self.resume = Some(resume);
        result
    }

    /// Notes that there is more than was kept.
    pub(super) fn note_change(&mut self) {
        if let Some(resume) = &mut self.resume {
            resume.is_kept = false;
        }
    }

    /// Keeps what was added, with these images, if that is enough.
    pub(super) fn note_added(&mut self, images: usize) -> Result<()> {
        let Some(resume) = &mut self.resume else { return Ok(()) };
        resume.added = resume.added.saturating_add(images.max(1));
        if resume.added >= resume.every.map_or(IMAGES, NonZero::get) { self.keep() } else { Ok(()) }
    }

    /// After how many images of this size a stack is kept; `None` if it is not kept before it is whole.
    pub(super) fn kept_after(&self, size: [usize; 2]) -> Option<usize> {
        let every = self.resume.as_ref()?.every;
        Some(every.map_or(SEGMENTS * segment_images(size), NonZero::get))
    }

    /// What the archive holds that is at its path, if nothing was added to it: its bytes must not tell where a writer was
    /// killed.
    pub(super) fn kept(&self) -> Result<Option<Summary>> {
        let Some(resume) = self.resume.as_ref().filter(|resume| resume.is_kept) else { return Ok(None) };
        let archive = resume.archive()?;
        let mut summary = Summary { keys: 0, images: 0, others: 0 };
        for item in archive.items() {
            match item? {
                Item::Array(entry) => {
                    summary.keys += 1;
                    summary.images += entry.image_count().unwrap_or(0);
                }
                Item::Other(_) => summary.others += 1,
            }
        }
        Ok(Some(summary))
    }
}

impl Resume {
    fn archive(&self) -> Result<Archive> {
        let options = OpenOptions::default().with_limits(self.options.limits.clone());
        Archive::open_with(&self.path, options)
    }
}
