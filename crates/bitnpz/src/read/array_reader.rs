//! Reading an array into the caller's buffer.

use std::fmt;
use std::io::Read;

use bitnpz_npy::{self as npy, Header, make_room, zeros};
use bitnpz_npz::{Limits, Member};

use super::check::{check_array, check_shape};
use crate::error::Result;
use crate::interrupt;

/// The number of bytes read between two checks for interruption: a few milliseconds at most, even of deflated data.
const READ_CHUNK_BYTES: usize = 1 << 20;

/// Reads an array into the caller's buffer, in one pass and without a copy.
///
/// ```
/// use bitnpz::{ArrayReader, DynArray, Limits};
///
/// let npy = DynArray::from_ndarray(&ndarray::array![3_u16, 5]).to_npy()?;
/// let mut reader = ArrayReader::of_npy(npy.as_slice(), npy.len() as u64, &Limits::default())?;
/// let mut bytes = vec![0; reader.header().data_len()];
/// reader.read_into(&mut bytes)?;
/// assert_eq!(bytes, [3_u16, 5].map(u16::to_ne_bytes).concat());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArrayReader<'a> {
    reader: Box<dyn Read + Send + 'a>,
    header: Header,
    /// `true` if nothing may follow the array.
    is_whole: bool,
}

impl fmt::Debug for ArrayReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayReader").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> ArrayReader<'a> {
    /// Reads the header of a member, which must hold the array and nothing else.
    pub(crate) fn of_member(member: &Member<'a>, limits: &npy::Limits) -> Result<Self> {
        let mut reader = member.reader()?;
        let header = Header::read(&mut reader, limits)?;
        check(&header, member.size().saturating_sub(reader.position()), limits, u64::eq)?;
        Ok(Self { reader: Box::new(reader), header, is_whole: true })
    }

    /// Reads the header of a `.npy` file at the start of `reader`, which has `len` bytes. As with `np.load`, more may follow the
    /// array.
    ///
    /// # Errors
    ///
    /// If it is not a `.npy` file, is truncated, is larger than the limit, or if reading fails.
    pub fn of_npy(reader: impl Read + Send + 'a, len: u64, limits: &Limits) -> Result<Self> {
        let mut reader = reader.take(len);
        let header = Header::read(&mut reader, &limits.npy)?;
        check(&header, reader.limit(), &limits.npy, u64::le)?;
        Ok(Self { reader: Box::new(reader), header, is_whole: false })
    }

    /// Returns the array's dtype, memory order and shape.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Fills `data` with the items' bytes, in the memory order and byte order of the header. Nonzero bytes of bools become 1.
    ///
    /// # Errors
    ///
    /// If the length of `data` is not the [length](Header::data_len) of the array, or if the member is damaged.
    pub fn read_into(&mut self, data: &mut [u8]) -> Result<()> {
        check_shape(&[self.header.data_len()], &[data.len()])?;
        self.fill(data)?;
        self.finish()
    }

    /// Reads the whole array. Memory grows with the bytes that are there, whatever the header claims.
    pub(super) fn read(&mut self) -> Result<Vec<u8>> {
        let (len, mut data) = (self.header.data_len(), Vec::new());
        while data.len() < len {
            let start = data.len();
            let more = (len - start).min(start.max(READ_CHUNK_BYTES));
            make_room(&mut data, more)?;
            data.resize(start + more, 0);
            self.fill(&mut data[start..])?;
        }
        self.finish()?;
        Ok(data)
    }

    /// Calls `write` with the bytes of all items, piece by piece.
    pub(crate) fn copy_to(&mut self, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let len = self.header.data_len();
        let mut buffer = zeros(len.min(READ_CHUNK_BYTES))?;
        for start in (0..len).step_by(READ_CHUNK_BYTES) {
            let piece = &mut buffer[..(len - start).min(READ_CHUNK_BYTES)];
            self.fill(piece)?;
            write(piece)?;
        }
        self.finish()
    }

    /// Fills `data` with the next bytes of the items.
    fn fill(&mut self, data: &mut [u8]) -> Result<()> {
        for chunk in data.chunks_mut(READ_CHUNK_BYTES) {
            interrupt::check()?;
            self.reader.read_exact(chunk).map_err(bitnpz_npz::Error::from)?;
            if self.header.dtype.kind() == Some(npy::Kind::Bool) {
                chunk.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
        }
        Ok(())
    }

    /// Reads to the end of a member, where its reader checks size and CRC.
    fn finish(&mut self) -> Result<()> {
        if self.is_whole {
            self.reader.read(&mut [0]).map_err(bitnpz_npz::Error::from)?;
        }
        Ok(())
    }
}

/// Checks that an array is within the limit, and that its length `fits` the number of bytes found.
fn check(header: &Header, found: u64, limits: &npy::Limits, fits: fn(&u64, &u64) -> bool) -> Result<()> {
    let expected = header.data_len() as u64;
    check_array(expected, limits.array_bytes)?;
    if fits(&expected, &found) {
        return Ok(());
    }
    Err(npy::Error::from(npy::ErrorKind::Length { expected, found }).into())
}
