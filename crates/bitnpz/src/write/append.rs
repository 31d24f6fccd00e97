//! Adding to an archive that is there.

use std::path::Path;

use bitnpz_npz::OpenOptions;

use super::sets::SMALL_STACK;
use super::writer::Writer;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::options::WriteOptions;
use crate::packed;
use crate::read::{Archive, Entry, RESERVED};
use crate::set::{SETS, StoredSet};

/// More stacks that are too small for a set are copied as they lie, and cannot be extended.
const MOST_SMALL: usize = 1000;

/// Whether this is a stack that was written packed because it was too small for a set.
fn is_small_stack(entry: &Entry<'_>) -> bool {
    let is_stack = entry.encoding() == Encoding::Packed && entry.shape().len() > 2;
    is_stack && entry.stored_bytes() < SMALL_STACK as u64 && entry.header().len() < 8 * SMALL_STACK
}

impl Writer {
    /// Starts an archive that has everything the one at this path has, and replaces it when it is finished. What is there is
    /// copied as it lies; images that are added go into the image sets that are there, as further segments of them.
    ///
    /// ```
    /// use ndarray::array;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("training.npz");
    /// let mut writer = bitnpz::Writer::create(&path)?;
    /// writer.add_image("ix-000000", &array![[false, true]])?;
    /// writer.finish()?;
    ///
    /// let mut writer = bitnpz::Writer::append(&path, &bitnpz::WriteOptions::default())?;
    /// writer.add_image("ix-000001", &array![[true, true]])?;
    /// assert_eq!(writer.finish()?.images, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the archive cannot be read, or no file can be made beside it.
    pub fn append(path: impl AsRef<Path>, options: &WriteOptions) -> Result<Self> {
        let reading = OpenOptions::default().with_limits(options.limits.clone());
        let archive = Archive::open_with(path.as_ref(), reading)?;
        let mut writer = Self::create_with(path, options)?;
        writer.take_over(&archive)?;
        Ok(writer)
    }

    fn take_over(&mut self, archive: &Archive) -> Result<()> {
        let zip = archive.zip();
        for set in archive.sets() {
            self.sets.resume(zip, set)?;
        }
        // As more can be added to sets, these are written again.
        let again: Vec<String> = archive.sets().iter().flat_map(StoredSet::written_last).collect();
        for member in zip.members() {
            let name = member.name();
            if !name.starts_with(RESERVED) {
                let entry = archive.entry(member.key())?;
                if self.encoding() == Encoding::Contour
                    && is_small_stack(&entry)
                    && self.sets.stacks.len() < MOST_SMALL
                {
                    // It may become large enough for a set.
                    self.extend_dyn(member.key(), &entry.to_array()?.view())?;
                    continue;
                }
                self.claim(member.key())?;
                let number = self.zip.len();
                self.zip.copy(&member)?;
                let images = entry.images().unwrap_or(0);
                match entry.kind() {
                    Some(kind) => self.ledger.note_packed(number, kind.clone(), images),
                    None => self.ledger.note_plain(number, images),
                }
            } else if ![SETS, packed::MEMBER].contains(&name) && !again.iter().any(|other| other == name) {
                self.zip.copy(&member)?;
            }
        }
        Ok(())
    }
}
