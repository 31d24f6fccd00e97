//! Arrays of numbers with the same number of bits each, with random access.

use bitnpz_npy::with_room;

use super::error::{Result, TRUNCATED};

/// The bytes read for one number: 64 bits that start within a byte take nine, and 16 are one `u128`. As many zeros follow the
/// last number, so that reading it stays within the buffer.
const READ_BYTES: usize = 16;

/// Numbers of `width` bits each without gaps, lowest bits first.
#[derive(Clone, Debug)]
pub(super) struct PackedNumbers {
    width: u32,
    bytes: Vec<u8>,
}

/// Returns the number of bits that a number needs.
pub(super) fn width_of(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// Returns the length in bytes of `count` numbers of `width` bits, or `None` on overflow.
fn len(count: usize, width: u32) -> Option<usize> {
    Some(count.checked_mul(width as usize)?.div_ceil(8))
}

/// Converts a number that is known to be an index in memory.
pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl PackedNumbers {
    /// Packs numbers of at most `width` bits.
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = u64>, width: u32) -> Result<Self> {
        let mut bytes = with_room(len(numbers.len(), width).ok_or(TRUNCATED)? + READ_BYTES)?;
        let (mut waiting, mut bits) = (0_u128, 0);
        for number in numbers {
            waiting |= u128::from(number) << bits;
            bits += width;
            while bits >= 8 {
                bytes.push(waiting.to_le_bytes()[0]);
                waiting >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            bytes.push(waiting.to_le_bytes()[0]);
        }
        bytes.resize(bytes.len() + READ_BYTES, 0);
        Ok(Self { width, bytes })
    }

    /// Reads `count` numbers from the start of `rest`.
    pub(super) fn take(rest: &mut &[u8], count: usize, width: u32) -> Result<Self> {
        if width > u64::BITS {
            return Err("expected numbers of at most 64 bits, found more".into());
        }
        let packed = rest.split_off(..len(count, width).ok_or(TRUNCATED)?).ok_or(TRUNCATED)?;
        let mut bytes = with_room(packed.len() + READ_BYTES)?;
        bytes.extend_from_slice(packed);
        bytes.resize(packed.len() + READ_BYTES, 0);
        Ok(Self { width, bytes })
    }

    /// Returns the packed bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - READ_BYTES]
    }

    /// Returns the number at an index, which must be less than the count.
    pub(super) fn get(&self, index: usize) -> u64 {
        let bit = index * self.width as usize;
        let piece = self.bytes[bit / 8..].first_chunk().copied().unwrap_or([0; READ_BYTES]);
        let mask = u64::MAX.checked_shr(u64::BITS - self.width).unwrap_or(0);
        #[expect(clippy::cast_possible_truncation, reason = "the bits of one number")]
        let low = (u128::from_le_bytes(piece) >> (bit % 8)) as u64;
        low & mask
    }
}
