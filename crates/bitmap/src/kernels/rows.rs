//! Going through rows 64 pixels at a time, whatever the instruction set.

use super::Lane;

/// What an instruction set does with up to 64 lanes at once. Lane `i` belongs to bit `i` of a mask.
pub(super) trait Block<L> {
    /// Which of the first `count` lanes equal `off` and which equal `on`; bits from `count` up may be anything.
    ///
    /// # Safety
    ///
    /// The machine must have the instruction set. `lanes` has `count` lanes or more, `count` is 1 to 64.
    unsafe fn compare(lanes: &[L], count: usize, off: L, on: L) -> Masks;

    /// Writes `on` where a bit of `mask` is set and `off` where not, into the first `count` lanes; lanes up
    /// to the 64th, if there are as many, may be overwritten with either.
    ///
    /// # Safety
    ///
    /// As for `compare`.
    unsafe fn choose(mask: u64, count: usize, off: L, on: L, lanes: &mut [L]);
}

/// Which lanes equal either value.
pub(super) struct Masks {
    pub(super) off: u64,
    pub(super) on: u64,
}

/// Rows without padding are one long row.
fn joined(width: usize, pixels: usize) -> usize {
    if width.is_multiple_of(8) { pixels } else { width }
}

/// # Safety
///
/// The machine must have the instruction set of `B`.
#[inline(always)]
pub(super) unsafe fn pack<L: Lane, B: Block<L>>(
    pixels: &[L],
    width: usize,
    off: L,
    on: L,
    rows: &mut [u8],
) -> Result<(), usize> {
    let width = joined(width, pixels.len());
    if pixels.is_empty() {
        return Ok(());
    }
    let stride = width.div_ceil(8);
    for row in 0..pixels.len() / width {
        let (mut pixel, mut byte) = (row * width, row * stride);
        let end = pixel + width;
        while pixel < end {
            let count = (end - pixel).min(64);
            // SAFETY: the caller's; there are `count` lanes left in the row.
            let masks = unsafe { B::compare(&pixels[pixel..], count, off, on) };
            let inside = u64::MAX >> (64 - count);
            let strange = !(masks.off | masks.on) & inside;
            if strange != 0 {
                return Err(pixel + strange.trailing_zeros() as usize);
            }
            let packed = (masks.on & inside).reverse_bits().to_be_bytes();
            // Where there is room, eight bytes at once: the next row overwrites what is too many.
            let room = rows.len() - byte;
            if room >= 8 {
                rows[byte..byte + 8].copy_from_slice(&packed);
            } else {
                rows[byte..].copy_from_slice(&packed[..room]);
            }
            pixel += count;
            byte += 8;
        }
    }
    Ok(())
}

/// # Safety
///
/// The machine must have the instruction set of `B`.
#[inline(always)]
pub(super) unsafe fn unpack<L: Lane, B: Block<L>>(
    rows: &[u8],
    width: usize,
    off: L,
    on: L,
    pixels: &mut [L],
) {
    let width = joined(width, pixels.len());
    if pixels.is_empty() {
        return;
    }
    let stride = width.div_ceil(8);
    for row in 0..pixels.len() / width {
        let (mut pixel, mut byte) = (row * width, row * stride);
        let end = pixel + width;
        while pixel < end {
            let count = (end - pixel).min(64);
            let packed = match rows.get(byte..byte + 8) {
                Some(bytes) => u64::from_be_bytes(bytes.try_into().expect("eight bytes")),
                None => rows[byte..].iter().rev().fold(0, |word, &byte| word >> 8 | u64::from(byte) << 56),
            };
            // SAFETY: the caller's; there are `count` lanes left in the row, and what is written behind
            // them belongs to later rows, which are still to come.
            unsafe { B::choose(packed.reverse_bits(), count, off, on, &mut pixels[pixel..]) };
            pixel += count;
            byte += 8;
        }
    }
}
