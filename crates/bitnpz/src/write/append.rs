//! Adding to an archive that is there.

use std::collections::HashSet;
use std::path::Path;

use bitnpz_npz::{Member, OpenOptions};

use super::copy::is_no_image;
use super::order_log::MEMBERS;
use super::writer::Writer;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::interrupt;
use crate::options::WriteOptions;
use crate::read::{Archive, Entry, Place, SetArray};
use crate::set::StoredSet;

/// More stacks that are too small for a set are copied as they lie, and cannot be extended.
const MOST_SMALL: usize = 1000;

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
        let mut writer = Self::like(path, &archive, options)?;
        writer.take_over(&archive, |_| true, |_| true, |_, _| Ok(()))?;
        Ok(writer)
    }

    /// Starts an archive in the encoding of this one, unless another is asked for.
    pub(super) fn like(path: impl AsRef<Path>, archive: &Archive, options: &WriteOptions) -> Result<Self> {
        let mut options = options.clone();
        options.encoding = options.encoding.or_else(|| archive.encoding());
        Self::create_with(path, &options)
    }

    /// Takes over what an archive has, in its order: the image sets whose numbers are asked for, and the members whose keys are.
    /// For each array of other sets `instead` is called.
    pub(crate) fn take_over(
        &mut self,
        archive: &Archive,
        takes: impl Fn(usize) -> bool,
        takes_member: impl Fn(&str) -> bool,
        mut instead: impl FnMut(&mut Self, SetArray) -> Result<()>,
    ) -> Result<()> {
        let zip = archive.zip();
        let mut places = Vec::new();
        for (number, set) in archive.sets().iter().enumerate() {
            let place = takes(number).then(|| self.sets.resume(zip, set, &mut self.ledger));
            places.push(place.transpose()?);
        }
        if self.encoding() == Encoding::Sets && archive.encoding() == Some(Encoding::Sets) {
            self.sets.resume_small();
        }
        let taken = archive.sets().iter().enumerate().filter(|(number, _)| takes(*number));
        let taken: Vec<&StoredSet> = taken.map(|(_, set)| set).collect();
        // As more can be added to sets, what they write at their ends is written again.
        let again: HashSet<String> = taken.iter().flat_map(|set| set.written_last()).collect();
        let members = taken.iter().flat_map(|set| set.members());
        let segments: HashSet<String> = members.filter(|name| !again.contains(name)).collect();
        for member in zip.members().filter(|member| segments.contains(member.name())) {
            self.zip.copy(&member)?;
        }
        for place in archive.places() {
            interrupt::check()?;
            match place {
                Place::Set(array) => match places[array.set] {
                    Some(place) => self.ledger.order.note(place),
                    None => instead(self, array)?,
                },
                Place::Member(number) => {
                    let member = zip.member(number).expect("a member that places give");
                    if takes_member(member.key()) {
                        self.take_over_member(archive, &member)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn take_over_member(&mut self, archive: &Archive, member: &Member<'_>) -> Result<()> {
        // What is no array, or none that can be read, is copied all the same.
        let entry = archive.entry(member.key()).ok();
        if let Some(entry) = entry.as_ref().filter(|entry| entry.is_small_stack())
            && self.sets.has_small()
            && self.sets.stacks.len() < MOST_SMALL
            && let Ok(array) = entry.to_array()
        {
            // It may become large enough for a set.
            match self.extend_stack(member.key(), &array.view(), ImageAxes::Inferred) {
                Err(error) if is_no_image(&error) => {}
                result => return result,
            }
        }
        self.claim(member.key())?;
        self.copy_member(member, entry.as_ref())
    }

    /// Copies a member whose name is claimed as it lies.
    pub(super) fn copy_member(&mut self, member: &Member<'_>, entry: Option<&Entry<'_>>) -> Result<()> {
        let number = self.zip.len();
        self.zip.copy(member)?;
        let images = entry.and_then(Entry::image_count).unwrap_or(0);
        match entry.map(Entry::kind) {
            Some(Some(kind)) => self.ledger.note_packed(number, MEMBERS, kind.clone(), images),
            Some(None) => self.ledger.note_plain(number, MEMBERS, images),
            None => self.ledger.note_other(number),
        }
        Ok(())
    }
}
