//! Numbers of as many bits each, any of which is read at once.

use bitnpz_npy::with_room;

use super::error::{END, Result};

/// Numbers are read in pieces of so many bytes, which are there behind the last number too.
const PIECE: usize = 16;

/// Numbers of `width` bits each, one after the other, the lowest bits first.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    width: u32,
    bytes: Vec<u8>,
}

/// The bits that a number takes.
pub(super) fn width_of(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// The bytes of so many numbers of so many bits.
fn len(count: usize, width: u32) -> Option<usize> {
    Some(count.checked_mul(width as usize)?.div_ceil(8))
}

impl Packed {
    /// Packs numbers, all of which have at most `width` bits.
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = u64>, width: u32) -> Result<Self> {
        let mut bytes = with_room(len(numbers.len(), width).ok_or(END)? + PIECE)?;
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
        bytes.resize(bytes.len() + PIECE, 0);
        Ok(Self { width, bytes })
    }

    /// Takes so many numbers from the start of what is left.
    pub(super) fn take(rest: &mut &[u8], count: usize, width: u32) -> Result<Self> {
        if width > u64::BITS {
            return Err("expected numbers of at most 64 bits, found more".into());
        }
        let packed = rest.split_off(..len(count, width).ok_or(END)?).ok_or(END)?;
        let mut bytes = with_room(packed.len() + PIECE)?;
        bytes.extend_from_slice(packed);
        bytes.resize(packed.len() + PIECE, 0);
        Ok(Self { width, bytes })
    }

    /// The bytes that they take.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - PIECE]
    }

    /// The number at this place, which there is.
    pub(super) fn get(&self, place: usize) -> u64 {
        let bit = place * self.width as usize;
        let piece = self.bytes[bit / 8..].first_chunk().copied().unwrap_or([0; PIECE]);
        let mask = u64::MAX.checked_shr(u64::BITS - self.width).unwrap_or(0);
        #[expect(clippy::cast_possible_truncation, reason = "the bits of one number")]
        let low = (u128::from_le_bytes(piece) >> (bit % 8)) as u64;
        low & mask
    }
}
