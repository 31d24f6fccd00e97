//! Packing and unpacking rows, 64 pixels at a time, with any kernel.

/// The operations of an instruction set on up to 64 lanes at once.
///
/// Lane `i` belongs to bit `i` of a mask.
pub(super) trait Kernel<L> {
    /// Compares the first `count` lanes with `off` and with `on`; bits from `count` up are unspecified.
    ///
    /// # Safety
    ///
    /// The machine must have the instruction set. `lanes` has `count` lanes or more, `count` is 1 to 64.
    unsafe fn compare(lanes: &[L], count: usize, off: L, on: L) -> Masks;

    /// Sets each of the first `count` lanes to `on` if its bit of `mask` is set, or else to `off`; further lanes up to the
    /// 64th may be overwritten with either.
    ///
    /// # Safety
    ///
    /// As for `compare`.
    unsafe fn choose(mask: u64, count: usize, off: L, on: L, lanes: &mut [L]);
}

/// The lanes that equal each value.
pub(super) struct Masks {
    pub(super) off: u64,
    pub(super) on: u64,
}

/// Returns the width of the rows to go through: rows without padding are joined into one long row.
fn joined_width(width: usize, pixels: usize) -> usize {
    if width.is_multiple_of(8) { pixels } else { width }
}

/// Packs rows with a kernel.
///
/// # Safety
///
/// The machine must have the instruction set of `K`.
#[inline(always)]
pub(super) unsafe fn pack<L: Copy, K: Kernel<L>>(
    pixels: &[L],
    width: usize,
    off: L,
    on: L,
    rows: &mut [u8],
) -> Result<(), usize> {
    let width = joined_width(width, pixels.len());
    if pixels.is_empty() {
        return Ok(());
    }
    let stride = width.div_ceil(8);
    for row in 0..pixels.len() / width {
        let (mut pixel, mut byte) = (row * width, row * stride);
        let end = pixel + width;
        while pixel < end {
            let count = (end - pixel).min(64);
            // SAFETY: the caller vouches for the instructions; `count` lanes are left in the row.
            let masks = unsafe { K::compare(&pixels[pixel..], count, off, on) };
            let inside = u64::MAX >> (64 - count);
            let other = !(masks.off | masks.on) & inside;
            if other != 0 {
                return Err(pixel + other.trailing_zeros() as usize);
            }
            let packed = (masks.on & inside).reverse_bits().to_be_bytes();
            // Where there is room, eight bytes are written at once; the next row overwrites those behind this one.
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

/// Unpacks rows with a kernel.
///
/// # Safety
///
/// The machine must have the instruction set of `K`.
#[inline(always)]
pub(super) unsafe fn unpack<L: Copy, K: Kernel<L>>(
    rows: &[u8],
    width: usize,
    off: L,
    on: L,
    pixels: &mut [L],
) {
    let width = joined_width(width, pixels.len());
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
            // SAFETY: the caller vouches for the instructions; `count` lanes are left in the row. Lanes behind them belong
            // to later rows, which are written later.
            unsafe { K::choose(packed.reverse_bits(), count, off, on, &mut pixels[pixel..]) };
            pixel += count;
            byte += 8;
        }
    }
}
