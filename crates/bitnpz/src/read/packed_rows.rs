//! The packed rows of a stack of images.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bitnpz_bitmap::BitmapView;
use bitnpz_npy::zeros;

use super::contents::Contents;
use crate::error::Result;
use crate::interrupt;

/// So many bytes are read at a time to check them.
const PIECE_BYTES: usize = 1 << 20;

/// The packed rows of a stack of images.
#[derive(Debug)]
pub(super) enum PackedRows {
    /// Rows in memory.
    Memory {
        rows: Vec<u8>,
        /// Their compressed size in the file.
        stored_bytes: u64,
    },
    /// Uncompressed rows in the file.
    File {
        contents: Arc<Contents>,
        /// The number of their member.
        member: usize,
        /// Their range of bytes in the file.
        range: Range<u64>,
    },
}

impl PackedRows {
    pub(super) fn stored_bytes(&self) -> u64 {
        match self {
            Self::Memory { stored_bytes, .. } => *stored_bytes,
            Self::File { range, .. } => range.end - range.start,
        }
    }

    /// Checks that there are `rows` rows of this width and, for rows in memory, that their padding bits are zero.
    pub(super) fn check(&self, rows: usize, width: usize) -> Result<()> {
        match self {
            Self::Memory { rows: bytes, .. } => BitmapView::new(rows, width, bytes).map(|_| ())?,
            // Their number was compared with the array's header; each image is checked when it is read.
            Self::File { .. } => {}
        }
        Ok(())
    }

    /// Checks what only all rows together have: the checksum of their member. That of rows in memory was checked.
    pub(super) fn check_all(&self) -> Result<()> {
        let Self::File { contents, member, .. } = self else { return Ok(()) };
        let member = contents.zip.member(*member).expect("a member that was opened");
        let mut reader = member.reader()?;
        let mut piece = zeros(PIECE_BYTES)?;
        while reader.read(&mut piece).map_err(bitnpz_npz::Error::from)? > 0 {
            interrupt::check()?;
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
            Self::File { contents, range, .. } => {
                let start = range.start + (index * len) as u64;
                contents.zip.slice(start..start + len as u64)?
            }
        };
        Ok(with(BitmapView::new(height, width, &bytes)?))
    }
}
