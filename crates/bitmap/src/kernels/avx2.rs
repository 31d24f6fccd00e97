//! The kernel for AVX2: 32 bytes at a time.

#![expect(clippy::cast_possible_wrap, reason = "intrinsics take lanes as signed integers")]
#![expect(clippy::cast_sign_loss, reason = "intrinsics return masks as signed integers")]

use std::arch::x86_64::*;

use super::rows::{self, Kernel, Masks};

/// Returns whether the machine has the instructions of this kernel.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Packs rows, like [`pack_rows`](super::pack_rows).
///
/// # Safety
///
/// The machine must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pack_rows<L: Avx2Lane>(
    pixels: &[L],
    width: usize,
    off: L,
    on: L,
    rows: &mut [u8],
) -> Result<(), usize> {
    // SAFETY: the caller vouches for the instructions.
    unsafe { rows::pack::<L, Avx2Kernel>(pixels, width, off, on, rows) }
}

/// Unpacks rows, like [`unpack_rows`](super::unpack_rows).
///
/// # Safety
///
/// The machine must have AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn unpack_rows<L: Avx2Lane>(rows: &[u8], width: usize, off: L, on: L, pixels: &mut [L]) {
    // SAFETY: the caller vouches for the instructions.
    unsafe { rows::unpack::<L, Avx2Kernel>(rows, width, off, on, pixels) }
}

struct Avx2Kernel;

/// The operations on one vector of lanes of this width.
pub trait Avx2Lane: Copy + Default {
    #[doc(hidden)]
    const LANES: usize = 32 / size_of::<Self>();
    /// Returns a vector of equal lanes.
    ///
    /// # Safety
    ///
    /// The machine must have AVX2.
    #[doc(hidden)]
    unsafe fn splat(value: Self) -> __m256i;
    /// Returns the mask of the lanes that are equal.
    ///
    /// # Safety
    ///
    /// As `splat`.
    #[doc(hidden)]
    unsafe fn equal(left: __m256i, right: __m256i) -> u64;
    /// Returns a vector with all bits of a lane set if its bit of `mask` is.
    ///
    /// # Safety
    ///
    /// As `splat`.
    #[doc(hidden)]
    unsafe fn spread(mask: u64) -> __m256i;
}

impl<L: Avx2Lane> Kernel<L> for Avx2Kernel {
    #[inline(always)]
    unsafe fn compare(lanes: &[L], count: usize, off: L, on: L) -> Masks {
        debug_assert!(lanes.len() >= count && count <= 64);
        // Lanes behind a row belong to the next one; behind the last row there is nothing to read, so it is copied.
        let mut buffer = [L::default(); 64];
        let lanes = if lanes.len() >= 64 {
            lanes
        } else {
            buffer[..count].copy_from_slice(&lanes[..count]);
            &buffer
        };
        let mut masks = Masks { off: 0, on: 0 };
        let mut lane = 0;
        // SAFETY: the caller vouches for the instructions; 64 lanes can be loaded, a multiple of a vector's.
        unsafe {
            let (off, on) = (L::splat(off), L::splat(on));
            while lane < count {
                let vector = _mm256_loadu_si256(lanes.as_ptr().add(lane).cast());
                masks.off |= L::equal(vector, off) << lane;
                masks.on |= L::equal(vector, on) << lane;
                lane += L::LANES;
            }
        }
        masks
    }

    #[inline(always)]
    unsafe fn choose(mask: u64, count: usize, off: L, on: L, lanes: &mut [L]) {
        debug_assert!(lanes.len() >= count && count <= 64);
        let mut buffer = [L::default(); 64];
        let direct = lanes.len() >= 64;
        let target = if direct { lanes.as_mut_ptr() } else { buffer.as_mut_ptr() };
        let mut lane = 0;
        // SAFETY: the caller vouches for the instructions; `target` has 64 lanes, a multiple of a vector's.
        unsafe {
            let (off, on) = (L::splat(off), L::splat(on));
            while lane < count {
                let chosen = _mm256_blendv_epi8(off, on, L::spread(mask >> lane));
                _mm256_storeu_si256(target.add(lane).cast(), chosen);
                lane += L::LANES;
            }
        }
        if !direct {
            lanes[..count].copy_from_slice(&buffer[..count]);
        }
    }
}

impl Avx2Lane for u8 {
    #[inline(always)]
    unsafe fn splat(value: Self) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe { _mm256_set1_epi8(value as i8) }
    }

    #[inline(always)]
    unsafe fn equal(left: __m256i, right: __m256i) -> u64 {
        // SAFETY: the caller vouches for the instructions.
        unsafe { u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(left, right)) as u32) }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a vector has 32 lanes")]
    unsafe fn spread(mask: u64) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            // Byte i of the mask goes to lanes 8 i to 8 i + 7, each of which keeps its own bit.
            let (ones, twos, threes) = (0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
            let byte_indices = _mm256_setr_epi64x(0, ones, twos, threes);
            let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
            let bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(mask as u32 as i32), byte_indices);
            _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit)
        }
    }
}

impl Avx2Lane for u16 {
    #[inline(always)]
    unsafe fn splat(value: Self) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe { _mm256_set1_epi16(value as i16) }
    }

    #[inline(always)]
    unsafe fn equal(left: __m256i, right: __m256i) -> u64 {
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            let equal = _mm256_cmpeq_epi16(left, right);
            // The lower and the upper half become the bytes 0 to 7 and 16 to 23.
            let bytes = _mm256_packs_epi16(equal, _mm256_setzero_si256());
            let mask = _mm256_movemask_epi8(bytes) as u32;
            u64::from(mask & 0xFF | mask >> 8)
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a vector has 16 lanes")]
    unsafe fn spread(mask: u64) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            let bit = _mm256_setr_epi16(
                1,
                2,
                4,
                8,
                16,
                32,
                64,
                128,
                256,
                512,
                1024,
                2048,
                4096,
                8192,
                16384,
                i16::MIN,
            );
            _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16(mask as u16 as i16), bit), bit)
        }
    }
}

impl Avx2Lane for u32 {
    #[inline(always)]
    unsafe fn splat(value: Self) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe { _mm256_set1_epi32(value as i32) }
    }

    #[inline(always)]
    unsafe fn equal(left: __m256i, right: __m256i) -> u64 {
        // SAFETY: the caller vouches for the instructions.
        unsafe { _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(left, right))) as u64 }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a vector has 8 lanes")]
    unsafe fn spread(mask: u64) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            let bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(mask as u32 as i32), bit), bit)
        }
    }
}

impl Avx2Lane for u64 {
    #[inline(always)]
    unsafe fn splat(value: Self) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe { _mm256_set1_epi64x(value as i64) }
    }

    #[inline(always)]
    unsafe fn equal(left: __m256i, right: __m256i) -> u64 {
        // SAFETY: the caller vouches for the instructions.
        unsafe { _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(left, right))) as u64 }
    }

    #[inline(always)]
    unsafe fn spread(mask: u64) -> __m256i {
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            let bit = _mm256_setr_epi64x(1, 2, 4, 8);
            _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(mask as i64), bit), bit)
        }
    }
}
