//! Reading an array to memory of the caller's.

use std::fmt;
use std::io::Read;

use bitnpz_npy::{self as npy, Header};
use bitnpz_npz::{Limits, Member};

use super::check::{check_array, check_shape};
use crate::error::{Error, Result};
use crate::interrupt;

/// Bytes that are read at once, between two looks at whether the call is to end.
const PIECE: usize = 1 << 20;

/// Reads an array to memory of the caller's, in one pass and without a copy.
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
    /// Whether nothing may follow the array.
    is_all: bool,
}

impl fmt::Debug for ArrayReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayReader").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> ArrayReader<'a> {
    /// The array of a member, which is all of it.
    pub(super) fn of_member(member: &Member<'a>, limits: &npy::Limits) -> Result<Self> {
        let mut reader = member.reader()?;
        let header = Header::read(&mut reader, limits)?;
        check(&header, member.size().saturating_sub(reader.position()), limits, u64::eq)?;
        Ok(Self { reader: Box::new(reader), header, is_all: true })
    }

    /// The array of the `.npy` file that starts here, of which so many bytes are there; others may follow it, as `np.load` has
    /// it.
    ///
    /// # Errors
    ///
    /// If it is no such file, is cut short, is larger than the limit, or if reading fails.
    pub fn of_npy(reader: impl Read + Send + 'a, len: u64, limits: &Limits) -> Result<Self> {
        let mut reader = reader.take(len);
        let header = Header::read(&mut reader, &limits.npy)?;
        check(&header, reader.limit(), &limits.npy, u64::le)?;
        Ok(Self { reader: Box::new(reader), header, is_all: false })
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
        check_shape(&[self.header.data_len()], &[data.len()])?;
        for piece in data.chunks_mut(PIECE) {
            interrupt::check()?;
            self.reader.read_exact(piece).map_err(fail)?;
            if self.header.dtype.kind() == Some(npy::Kind::Bool) {
                piece.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
            }
        }
        if self.is_all {
            // The end is where size and CRC are looked at.
            self.reader.read(&mut [0]).map_err(fail)?;
        }
        Ok(())
    }
}

/// That an array is within the limit, and that there are as many bytes as it has.
fn check(header: &Header, found: u64, limits: &npy::Limits, fits: fn(&u64, &u64) -> bool) -> Result<()> {
    let expected = header.data_len() as u64;
    check_array(expected, limits.array_bytes)?;
    if fits(&expected, &found) {
        return Ok(());
    }
    Err(npy::Error::from(npy::ErrorKind::Length { expected, found }).into())
}
