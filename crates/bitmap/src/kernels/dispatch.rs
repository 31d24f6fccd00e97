//! Packing and unpacking with the fastest kernel that the machine has.

use super::lane::Lane;
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Packs rows of `width` pixels: a pixel equal to `on` becomes the bit 1, one equal to `off` the bit 0.
///
/// Each packed row takes `ceil(width / 8)` bytes, in the order of `np.packbits(axis=-1)`.
///
/// ```
/// let mut rows = [0; 2];
/// bitnpz_bitmap::pack_rows(&[9_u16, 5, 5, 9, 9, 5], 3, 5, 9, &mut rows).unwrap();
/// assert_eq!(rows, [0b1000_0000, 0b1100_0000]);
/// assert_eq!(bitnpz_bitmap::pack_rows(&[9_u16, 5, 4], 3, 5, 9, &mut [0]), Err(2));
/// ```
///
/// # Errors
///
/// Returns the index of the first pixel that equals neither value; the contents of `rows` are then unspecified.
///
/// # Panics
///
/// If `pixels` are not whole rows, or if `rows` does not have the length of their packed rows.
pub fn pack_rows<L: Lane>(pixels: &[L], width: usize, off: L, on: L, rows: &mut [u8]) -> Result<(), usize> {
    check_lengths(rows.len(), width, pixels.len());
    #[cfg(target_arch = "x86_64")]
    {
        if avx512::is_available() {
            // SAFETY: the machine has these instructions.
            return unsafe { avx512::pack_rows(pixels, width, off, on, rows) };
        }
        if avx2::is_available() {
            // SAFETY: the machine has these instructions.
            return unsafe { avx2::pack_rows(pixels, width, off, on, rows) };
        }
    }
    portable::pack_rows(pixels, width, off, on, rows)
}

/// Unpacks rows of `width` pixels: the bit 1 becomes `on`, the bit 0 `off`.
///
/// Bits behind the last pixel of a row are ignored.
///
/// ```
/// let mut pixels = [0_u8; 6];
/// bitnpz_bitmap::unpack_rows(&[0b1000_0000, 0b1100_0000], 3, 0, 255, &mut pixels);
/// assert_eq!(pixels, [255, 0, 0, 255, 255, 0]);
/// ```
///
/// # Panics
///
/// If `pixels` are not whole rows, or if `rows` does not have the length of their packed rows.
pub fn unpack_rows<L: Lane>(rows: &[u8], width: usize, off: L, on: L, pixels: &mut [L]) {
    check_lengths(rows.len(), width, pixels.len());
    #[cfg(target_arch = "x86_64")]
    {
        if avx512::is_available() {
            // SAFETY: the machine has these instructions.
            return unsafe { avx512::unpack_rows(rows, width, off, on, pixels) };
        }
        if avx2::is_available() {
            // SAFETY: the machine has these instructions.
            return unsafe { avx2::unpack_rows(rows, width, off, on, pixels) };
        }
    }
    portable::unpack_rows(rows, width, off, on, pixels);
}

/// Unpacks rows into bools.
pub(crate) fn unpack_bools(rows: &[u8], width: usize, off: bool, on: bool, pixels: &mut [bool]) {
    // SAFETY: a bool is a byte of 0 or 1, and `unpack_rows` writes only the two bytes it is given.
    let lanes = unsafe { std::slice::from_raw_parts_mut(pixels.as_mut_ptr().cast::<u8>(), pixels.len()) };
    unpack_rows(rows, width, off.into(), on.into(), lanes);
}

fn check_lengths(row_bytes: usize, width: usize, pixels: usize) {
    let height = pixels.checked_div(width).unwrap_or(0);
    assert_eq!(height * width, pixels, "expected whole rows of {width} pixels, found {pixels} pixels");
    assert_eq!(
        height * width.div_ceil(8),
        row_bytes,
        "the length of {height} packed rows of {width} pixels, in bytes"
    );
}
