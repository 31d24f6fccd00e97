//! The images of a batch that a thread reads at a time.

use super::images::{ImageStorage, Images};
use crate::error::Result;
use crate::set::CodedImage;

/// The images of a batch that a thread reads at a time.
pub(super) enum Share<'i> {
    /// Those with these indices.
    One(&'i Images, &'i [usize]),
    /// Each with its index in the images of a shard.
    Several(&'i [(&'i Images, usize)]),
}

impl<'i> Share<'i> {
    /// Calls `with` with the number of each image in the share, the images that it is one of, and its index there.
    pub(super) fn try_for_each(
        &self,
        mut with: impl FnMut(usize, &Images, usize) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::One(images, indices) => {
                let mut indices = indices.iter().enumerate();
                indices.try_for_each(|(number, &index)| with(number, images, index))
            }
            Self::Several(all) => {
                let mut all = all.iter().enumerate();
                all.try_for_each(|(number, &(images, index))| with(number, images, index))
            }
        }
    }

    /// Finds the images of several shards if all are in image sets, and of one size: those whose sets have the same model can be
    /// decoded together.
    pub(super) fn find_coded(&self) -> Result<Option<Vec<CodedImage<'i>>>> {
        let Self::Several(all) = self else { return Ok(None) };
        let mut coded = Vec::with_capacity(all.len());
        for &(images, index) in *all {
            match (&images.storage, images.size) {
                (ImageStorage::Set(stored), Some(size)) => coded.push(stored.find_coded(index, size)?),
                _ => return Ok(None),
            }
        }
        Ok(Some(coded))
    }
}
