//! Reading an array to memory of the caller's.

use std::fmt;
use std::io::Read;

use bitnpz_npy::{Header, Limits};
use bitnpz_npz::MemberReader;

use super::entry::check_array;
use crate::error::{Error, Result};
use crate::interrupt;

/// Bytes that are read at once, between two looks at whether the call is to end.
const PIECE: usize = 1 << 20;

/// Reads the array of a member to memory of the caller's, in one pass and without a copy.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("training.npz");
/// let mut writer = bitnpz::Writer::create(&path)?;
/// writer.add_array("outputs", &ndarray::array![3_u16, 5])?;
/// writer.finish()?;
///
/// let archive = bitnpz::Archive::open(&path)?;
/// let mut reader = archive.open_array("outputs")?.expect("it lies in a member of its own");
/// let mut bytes = vec![0; reader.header().data_len()];
/// reader.read_into(&mut bytes)?;
/// assert_eq!(bytes, [3_u16, 5].map(u16::to_le_bytes).concat());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArrayReader<'a> {
    reader: MemberReader<'a>,
    header: Header,
}

impl fmt::Debug for ArrayReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayReader").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> ArrayReader<'a> {
    /// The array of a member of this size.
    pub(super) fn new(mut reader: MemberReader<'a>, size: u64, limits: &Limits) -> Result<Self> {
        let header = Header::read(&mut reader, limits)?;
        let data_len = header.data_len() as u64;
        check_array(data_len, limits.array_bytes)?;
        // Where the header ends depends on its version, but what follows is the rest of the member.
        let found = size.saturating_sub(reader.position());
        if data_len != found {
            let error = bitnpz_npy::ErrorKind::Length { expected: data_len, found };
            return Err(bitnpz_npy::Error::from(error).into());
        }
        Ok(Self { reader, header })
    }

    /// The array's dtype, order and shape.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Fills `data` with the items' bytes, in the order and the byte order that the header tells. Any byte of a bool but zero
    /// becomes 1.
    ///
    /// # Errors
    ///
    /// If `data` has not the [length](Header::data_len) of the array, or if the member is damaged.
    pub fn read_into(&mut self, data: &mut [u8]) -> Result<()> {
        let fail = |error: std::io::Error| Error::from(bitnpz_npz::Error::from(error));
        super::image_set::check_shape(&[self.header.data_len()], &[data.len()])?;
        for piece in data.chunks_mut(PIECE) {
            interrupt::check()?;
            self.reader.read_exact(piece).map_err(fail)?;
            if self.header.dtype.kind() == Some(bitnpz_npy::Kind::Bool) {
                piece.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
        }
        // The end is where size and CRC are looked at.
        self.reader.read(&mut [0]).map(drop).map_err(fail)
    }
}
