//! Images that are taken over from a set of another archive.

use std::ops::Range;

use super::output::Output;
use crate::error::Result;
use crate::read::Archive;
use crate::set::{SetWriter, StoredSet};

/// Images at the end of a set, and sets of small stacks, are encoded again when others like them are added, so many bytes of packed
/// rows at most, which takes about a tenth of a second: so an archive to which images are added one by one does not get a segment or
/// a set for each.
pub(super) const MOST_ENCODED_AGAIN: usize = 1 << 20;

/// Some images of a set of another archive. They are copied, those at the end not before it is known whether others follow.
#[derive(Debug)]
pub(super) struct TakenImages {
    archive: Archive,
    /// The number of the set.
    number: usize,
    images: Range<usize>,
    /// Whether some may be encoded again: no codec or model is asked for, which they would get.
    may_encode: bool,
}

impl TakenImages {
    pub(super) fn new(archive: &Archive, number: usize, images: Range<usize>, may_encode: bool) -> Self {
        Self { archive: archive.clone(), number, images, may_encode }
    }

    fn set(&self) -> &StoredSet {
        &self.archive.sets()[self.number]
    }

    /// Copies these images to a set.
    pub(super) fn copy(&self, output: &mut Output, to: &mut SetWriter) -> Result<()> {
        to.add_set(&mut output.zip, self.archive.zip(), self.set(), &self.images)
    }

    /// Adds these images to a set to which others are added: whole segments at the end are encoded again with them, unless they are
    /// large or damaged, for damage must not get new checksums.
    pub(super) fn join(&self, output: &mut Output, to: &mut SetWriter) -> Result<()> {
        let (zip, set) = (self.archive.zip(), self.set());
        let first = set.small_end(zip, &self.images, MOST_ENCODED_AGAIN);
        if !self.may_encode || first == self.images.end || set.check(zip).is_err() {
            return self.copy(output, to);
        }
        to.add_set(&mut output.zip, zip, set, &(self.images.start..first))?;
        to.add_again(&mut output.zip, zip, set, first..self.images.end)
    }
}
