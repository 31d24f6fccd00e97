//! Continuing an archive that exists.

use std::ops::Range;
use std::path::Path;

use bitnpz_npz::Member;

use super::order_log::MEMBERS;
use super::source::is_not_images;
use super::stack::Stack;
use super::writer::Writer;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::held_file::HeldFile;
use crate::interrupt;
use crate::options::WriteOptions;
use crate::packed::Palette;
use crate::read::{Archive, Entry, ItemPlace, SetArray};
use crate::set::StoredSet;

/// At most so many stacks that are too small for a set stay extendable, since each is kept in memory. The others are copied.
pub(super) const MOST_SMALL_STACKS: usize = 1000;

impl Writer {
    /// Starts an archive that has everything the archive at this path has, and replaces it when it is finished. What is there is
    /// copied without decoding it, except the last images of a set, of up to 1 MiB of packed rows, when others are added to it, and
    /// sets of small stacks when others like them are added: so it makes little difference how many are added at a time. What is
    /// added gets the [encoding](Archive::encoding) of the archive, unless the options have another.
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
    /// If the archive cannot be read, or no file can be made beside it. Finishing fails if somebody else has replaced the archive
    /// since: then nothing is written.
    pub fn append(path: impl AsRef<Path>, options: &WriteOptions) -> Result<Self> {
        let (mut writer, archive) = Self::replacing(path.as_ref(), options)?;
        writer.take_over(&archive, all_of(&archive), |_, _| Ok(true), |_, _| Ok(()))?;
        Ok(writer)
    }

    /// Starts an archive that will replace the one at this path, which it opens.
    pub(super) fn replacing(path: &Path, options: &WriteOptions) -> Result<(Self, Archive)> {
        let held = HeldFile::open(path).ok();
        let archive = Archive::open_with(path, &options.reading())?;
        let mut writer = Self::like(path, &archive, options)?;
        writer.appended_to = held;
        Ok((writer, archive))
    }

    /// Starts an archive in the encoding of this one, unless another is asked for.
    pub(super) fn like(path: impl AsRef<Path>, archive: &Archive, options: &WriteOptions) -> Result<Self> {
        let mut options = options.clone();
        options.encoding = options.encoding.or_else(|| Some(archive.encoding()));
        Self::create_with(path, &options)
    }

    /// Copies an archive in its order: the images of each set that `images_of` returns, by its number (all of those that stacks
    /// share, or none; of a stack one range; ranges in ascending order), and the members for whose keys `takes_member` returns `true`. Calls `instead` for each
    /// other array of a set.
    pub(crate) fn take_over(
        &mut self,
        archive: &Archive,
        images_of: impl Fn(usize) -> Option<Vec<Range<usize>>>,
        mut takes_member: impl FnMut(&mut Self, &str) -> Result<bool>,
        mut instead: impl FnMut(&mut Self, SetArray) -> Result<()>,
    ) -> Result<()> {
        let zip = archive.zip();
        let mut taken = Vec::new();
        for number in 0..archive.sets().len() {
            taken.push(match images_of(number) {
                Some(images) => {
                    Some((self.sets.take_over(archive, number, &images, &mut self.output)?, images))
                }
                None => None,
            });
        }
        // Stacks may be too small for a set of their own, and get larger here.
        let grows = [self.encoding(), archive.encoding()] == [Encoding::Sets; 2];
        for place in archive.places() {
            interrupt::check()?;
            match place {
                ItemPlace::Set(array) => match &taken[array.set] {
                    Some((set, images)) => {
                        let is_keyed = archive.sets()[array.set].is_keyed();
                        let first = array.images.start;
                        let range = images.get(images.partition_point(|range| range.end <= first));
                        if !is_keyed || range.is_some_and(|range| range.contains(&first)) {
                            self.sets.note_taken(&mut self.output.ledger, set, &array, archive);
                        } else {
                            instead(self, array)?;
                        }
                    }
                    None => instead(self, array)?,
                },
                ItemPlace::Member(number) => {
                    let member = zip.member(number).expect("a member that places give");
                    if takes_member(self, member.key())? {
                        self.take_over_member(archive, &member, grows)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes over a member, whose images may become a set with others if they may grow.
    fn take_over_member(&mut self, archive: &Archive, member: &Member<'_>, grows: bool) -> Result<()> {
        // Members that are no arrays, or cannot be read, are copied all the same.
        let entry = archive.entry(member.key()).ok();
        let is_few = archive.is_few(member.key());
        if let Some(entry) = entry.as_ref().filter(|_| is_few && grows)
            && self.sets.gathers_images(entry.dtype())
            && let Ok(array) = entry.to_array()
        {
            // There may come enough for a set.
            match self.add_images_of(member.key(), &array.view(), ImageAxes::Inferred) {
                Err(error) if is_not_images(&error) => {}
                result => return result.map(drop),
            }
        }
        if let Some(entry) = entry.as_ref().filter(|entry| grows && entry.is_small_stack())
            && (self.sets.stacks.len() < MOST_SMALL_STACKS
                || self.sets.joins_stack(member.key(), &self.output))
            && let Ok(array) = entry.to_array()
        {
            // It may become large enough for a set.
            match self.extend_stack(member.key(), &array.view(), ImageAxes::Inferred) {
                Err(error) if is_not_images(&error) && !self.sets.has_stack(member.key()) => {}
                result => return result.map(drop),
            }
        }
        self.claim(member.key())?;
        if archive.is_whole(member.key()) {
            self.output.ledger.whole.insert(bitnpz_npz::identity(member.key()).to_owned());
        }
        if is_few {
            self.output.ledger.few.insert(bitnpz_npz::identity(member.key()).to_owned());
        }
        self.copy_member(member, entry.as_ref())
    }

    /// Copies a member unchanged, whose name is claimed.
    pub(super) fn copy_member(&mut self, member: &Member<'_>, entry: Option<&Entry<'_>>) -> Result<()> {
        let number = self.output.zip.len();
        self.output.zip.copy(member)?;
        let images = entry.and_then(Entry::image_count).unwrap_or(0);
        let ledger = &mut self.output.ledger;
        match entry.map(Entry::kind) {
            Some(kind) => ledger.note_array(number, MEMBERS, kind.cloned(), images),
            None => ledger.note_other(number),
        }
        Ok(())
    }
}

/// Returns what [`take_over`](Writer::take_over) needs to take all images of an archive.
pub(super) fn all_of(archive: &Archive) -> impl Fn(usize) -> Option<Vec<Range<usize>>> {
    |set| archive.sets().get(set).map(StoredSet::ranges)
}

/// Returns whether an ordinary array with this key is a stack that is too small for a set.
pub(super) fn is_small_stack(archive: &Archive, key: &str) -> bool {
    small_stack_palette(archive, key).is_some()
}

/// Returns the values of an ordinary array with this key, if it is a stack that is too small for a set.
pub(super) fn small_stack_palette(archive: &Archive, key: &str) -> Option<Palette> {
    let entry = archive.entry(key).ok().filter(Entry::is_small_stack)?;
    let array = entry.to_array().ok().filter(|_| archive.encoding() == Encoding::Sets)?;
    let mut stack = Stack::new(key, array.dtype(), &array.shape()[1..], None).ok()?;
    stack.push(array.data(), array.shape()[0]).ok()?;
    Some(stack.palette().clone())
}
