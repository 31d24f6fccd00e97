//! Packed rows of a stack of images.

use std::borrow::Cow;
use std::ops::Range;

use bitnpz_bitmap::BitmapView;

use super::archive::Archive;
use crate::error::Result;

/// Packed rows of a stack of images.
#[derive(Debug)]
pub(super) enum Rows {
    Memory {
        rows: Vec<u8>,
        /// What they take in the file.
        stored_bytes: u64,
    },
    /// Where they lie in the file.
    File(Archive, Range<u64>),
}

impl Rows {
    pub(super) fn stored_bytes(&self) -> u64 {
        match self {
            Self::Memory { stored_bytes, .. } => *stored_bytes,
            Self::File(_, range) => range.end - range.start,
        }
    }

    /// That these are so many rows of this width; of those in memory, that their padding bits are zero.
    pub(super) fn check(&self, rows: usize, width: usize) -> Result<()> {
        match self {
            Self::Memory { rows: bytes, .. } => BitmapView::new(rows, width, bytes).map(|_| ())?,
            // The header said how many; each image is checked when it is read.
            Self::File(..) => {}
        }
        Ok(())
    }

    /// Calls `with` with one image.
    pub(super) fn with_image<R>(
        &self,
        index: usize,
        [height, width]: [usize; 2],
        with: impl FnOnce(BitmapView<'_>) -> R,
    ) -> Result<R> {
        let len = height * width.div_ceil(8);
        let bytes = match self {
            Self::Memory { rows, .. } => Cow::Borrowed(&rows[index * len..][..len]),
            Self::File(archive, range) => {
                let start = range.start + (index * len) as u64;
                archive.zip().slice(start..start + len as u64)?
            }
        };
        Ok(with(BitmapView::new(height, width, &bytes)?))
    }
}
