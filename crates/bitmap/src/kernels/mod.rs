//! Rows of pixels to packed rows and back, with the machine's vector instructions.
//!
//! The only module with unsafe code. [`rows`] goes through the rows for any instruction set; a set says how
//! to compare and how to choose 64 lanes ([`rows::Block`]); this file picks the set at run time. `naive` is
//! what each is tested against.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod naive;
mod rows;
mod search;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use search::last_at_most;

/// The bits of a pixel: an unsigned integer of its width. Types of one width are packed alike, whatever
/// their byte order. It is not for other crates to implement.
pub trait Lane: Copy + Eq + Default + Send + Sync + sealed::Lane {}

mod sealed {
    /// What every instruction set must do with lanes of this width.
    pub trait Lane: super::words::Words + super::x86::Vectors {}
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    pub trait Vectors: super::avx2::Avx2 + super::avx512::Avx512 {}
    impl<L: super::avx2::Avx2 + super::avx512::Avx512> Vectors for L {}
}

#[cfg(not(target_arch = "x86_64"))]
mod x86 {
    pub trait Vectors {}
    impl<L> Vectors for L {}
}

macro_rules! lanes {
    ($($lane:ty)*) => {$(
        impl sealed::Lane for $lane {}
        impl Lane for $lane {}
    )*};
}

lanes!(u8 u16 u32 u64);

/// Packs rows of `width` pixels: a pixel equal to `on` is the bit 1, one equal to `off` the bit 0.
///
/// Packed rows have `ceil(width / 8)` bytes each, in `np.packbits` order.
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
/// The number of the first pixel that equals neither; what `rows` holds then is unspecified.
///
/// # Panics
///
/// If `pixels` are not whole rows, or `rows` has not the length that they need.
pub fn pack_rows<L: Lane>(pixels: &[L], width: usize, off: L, on: L, rows: &mut [u8]) -> Result<(), usize> {
    check(rows.len(), width, pixels.len());
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
    words::pack_rows(pixels, width, off, on, rows)
}

/// Unpacks rows of `width` pixels: the bit 1 becomes `on`, the bit 0 `off`. Bits behind the last pixel of a
/// row are ignored.
///
/// ```
/// let mut pixels = [0_u8; 6];
/// bitnpz_bitmap::unpack_rows(&[0b1000_0000, 0b1100_0000], 3, 0, 255, &mut pixels);
/// assert_eq!(pixels, [255, 0, 0, 255, 255, 0]);
/// ```
///
/// # Panics
///
/// If `pixels` are not whole rows, or `rows` has not the length that they need.
pub fn unpack_rows<L: Lane>(rows: &[u8], width: usize, off: L, on: L, pixels: &mut [L]) {
    check(rows.len(), width, pixels.len());
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
    words::unpack_rows(rows, width, off, on, pixels);
}

/// Unpacks into bools.
pub(crate) fn unpack_bools(rows: &[u8], width: usize, off: bool, on: bool, pixels: &mut [bool]) {
    // SAFETY: a bool is a byte of 0 or 1, and `unpack_rows` writes only the two bytes it is given.
    let lanes = unsafe { std::slice::from_raw_parts_mut(pixels.as_mut_ptr().cast::<u8>(), pixels.len()) };
    unpack_rows(rows, width, off.into(), on.into(), lanes);
}

fn check(row_bytes: usize, width: usize, pixels: usize) {
    let height = pixels.checked_div(width).unwrap_or(0);
    assert_eq!(height * width, pixels, "{pixels} pixels are not whole rows of {width}");
    assert_eq!(height * width.div_ceil(8), row_bytes, "the bytes of {height} packed rows of {width} pixels");
}
