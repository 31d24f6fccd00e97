//! The images of a batch that a thread reads at a time.

use super::images::{ImageStorage, Images};
use crate::error::Result;
use crate::set::{CodedImage, Window};

/// The images of a batch that a thread reads at a time.
pub(super) enum Share<'i> {
    /// Those with these indices, and what was requested of them.
    One(&'i Images, &'i Window, &'i [usize]),
    /// Each with what was requested of its shard, and its index there.
    Several(&'i [(&'i Images, &'i Window, usize)]),
}

impl<'i> Share<'i> {
    /// Returns the images that the one with this number in the share is one of.
    pub(super) fn of(&self, number: usize) -> &'i Images {
        match self {
            Self::One(images, ..) => images,
            Self::Several(all) => all[number].0,
        }
    }

    /// Calls `with` with the number of each image in the share, the images that it is one of, and its index there.
    pub(super) fn try_for_each(
        &self,
        mut with: impl FnMut(usize, &Images, usize) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::One(images, _, indices) => {
                let mut indices = indices.iter().enumerate();
                indices.try_for_each(|(number, &index)| with(number, images, index))
            }
            Self::Several(all) => {
                let mut all = all.iter().enumerate();
                all.try_for_each(|(number, &(images, _, index))| with(number, images, index))
            }
        }
    }

    /// Finds the images of several shards if all are in image sets, and of one size: those whose sets have the same model can be
    /// decoded together.
    pub(super) fn find_coded(&self) -> Result<Option<Vec<CodedImage<'i>>>> {
        let Self::Several(all) = self else { return Ok(None) };
        let mut coded = Vec::with_capacity(all.len());
        for &(images, window, index) in *all {
            match (&images.storage, images.size) {
                (ImageStorage::Set(stored), Some(size)) => {
                    coded.push(stored.find_coded(window, index, size)?);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(coded))
    }
}
