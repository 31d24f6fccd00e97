//! Adding to an archive that is there.

use std::collections::HashSet;
use std::path::Path;

use bitnpz_npz::{Member, OpenOptions};

use super::sets::SMALL_STACK;
use super::writer::Writer;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::options::WriteOptions;
use crate::read::{Archive, Entry, RESERVED};
use crate::set::StoredSet;

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
        Self::append_without(path, options, [])
    }

    /// As [`append`](Self::append), but leaves out what is under these keys: to delete or to replace it. The images that had keys of
    /// their own beside one that is left out are encoded again.
    ///
    /// ```
    /// use bitnpz::{Archive, WriteOptions, Writer};
    /// use ndarray::{Array1, array};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("training.npz");
    /// let mut writer = Writer::create(&path)?;
    /// writer.add_array("outputs", &array![3, 4])?;
    /// writer.finish()?;
    ///
    /// let mut writer = Writer::append_without(&path, &WriteOptions::default(), ["outputs"])?;
    /// writer.add_array("outputs", &array![5, 6])?;
    /// writer.finish()?;
    /// let outputs: Array1<i32> = Archive::open(&path)?.array("outputs")?.into_dimensionality()?;
    /// assert_eq!(outputs, array![5, 6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append), and if the archive has no such key.
    pub fn append_without<'a>(
        path: impl AsRef<Path>,
        options: &WriteOptions,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let reading = OpenOptions::default().with_limits(options.limits.clone());
        let archive = Archive::open_with(path.as_ref(), reading)?;
        let mut without = HashSet::new();
        for key in keys {
            if !archive.contains(key) && !archive.contains_other(key) {
                return Err(Error::from(ErrorKind::NoSuchKey).with_key(key));
            }
            without.insert(bitnpz_npz::identity(key));
        }
        let mut writer = Self::create_with(path, options)?;
        let gone_of = |set: &StoredSet| -> HashSet<usize> {
            without.iter().filter_map(|key| set.find(archive.zip(), key)).collect()
        };
        let is_gone = |set: &StoredSet| match set.stack() {
            Some((key, _)) => without.contains(key),
            None => !gone_of(set).is_empty(),
        };
        let sets = archive.sets();
        writer.take_over(&archive, |number| !is_gone(&sets[number]), |key| !without.contains(key))?;
        for (number, set) in sets.iter().enumerate().filter(|(_, set)| set.stack().is_none() && is_gone(set))
        {
            let gone = gone_of(set);
            writer.add_set_without(&archive, number, |image| gone.contains(&image))?;
        }
        Ok(writer)
    }

    /// Takes over all that an archive has, of image sets those whose numbers are asked for, of other members those whose keys are.
    pub(crate) fn take_over(
        &mut self,
        archive: &Archive,
        takes: impl Fn(usize) -> bool,
        takes_key: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let zip = archive.zip();
        let sets = archive.sets().iter().enumerate().filter(|(number, _)| takes(*number));
        let sets: Vec<&StoredSet> = sets.map(|(_, set)| set).collect();
        for set in &sets {
            self.sets.resume(zip, set)?;
        }
        // As more can be added to sets, what they write at their ends is written again.
        let again: HashSet<String> = sets.iter().flat_map(|set| set.written_last()).collect();
        let members = sets.iter().flat_map(|set| set.members());
        let segments: HashSet<String> = members.filter(|name| !again.contains(name)).collect();
        for member in zip.members() {
            let name = member.name();
            if !name.starts_with(RESERVED) {
                if takes_key(bitnpz_npz::identity(member.key())) {
                    self.take_over_member(archive, &member)?;
                }
            } else if segments.contains(name) {
                self.zip.copy(&member)?;
            }
        }
        Ok(())
    }

    fn take_over_member(&mut self, archive: &Archive, member: &Member<'_>) -> Result<()> {
        // What is no array, or none that can be read, is copied all the same.
        let entry = archive.entry(member.key()).ok();
        if let Some(entry) = entry.as_ref().filter(|entry| is_small_stack(entry))
            && self.encoding() == Encoding::Contour
            && self.sets.stacks.len() < MOST_SMALL
        {
            // It may become large enough for a set.
            return self.extend_dyn(member.key(), &entry.to_array()?.view());
        }
        self.claim(member.key())?;
        let number = self.zip.len();
        self.zip.copy(member)?;
        let images = entry.as_ref().and_then(Entry::images).unwrap_or(0);
        match entry.and_then(|entry| entry.kind()) {
            Some(kind) => self.ledger.note_packed(number, kind.clone(), images),
            None => self.ledger.note_plain(number, images),
        }
        Ok(())
    }
}
