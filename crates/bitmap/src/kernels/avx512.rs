//! The kernel for AVX-512: 64 bytes at a time, with masks in mask registers.

#![expect(clippy::cast_possible_wrap, reason = "intrinsics take lanes as signed integers")]

use std::arch::x86_64::*;

use super::rows::{self, Kernel, Masks};

/// Returns whether the machine has the instructions of this kernel.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
}

/// Packs rows, like [`pack_rows`](super::pack_rows).
///
/// # Safety
///
/// The machine must have AVX-512 F and BW, BMI 1 and 2, and POPCNT: `is_available`.
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,popcnt")]
pub(super) unsafe fn pack_rows<L: Avx512Lane>(
    pixels: &[L],
    width: usize,
    off: L,
    on: L,
    rows: &mut [u8],
) -> Result<(), usize> {
    // SAFETY: the caller vouches for the instructions.
    unsafe { rows::pack::<L, Avx512Kernel>(pixels, width, off, on, rows) }
}

/// Unpacks rows, like [`unpack_rows`](super::unpack_rows).
///
/// # Safety
///
/// The machine must have AVX-512 F and BW, BMI 1 and 2, and POPCNT: `is_available`.
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,popcnt")]
pub(super) unsafe fn unpack_rows<L: Avx512Lane>(rows: &[u8], width: usize, off: L, on: L, pixels: &mut [L]) {
    // SAFETY: the caller vouches for the instructions.
    unsafe { rows::unpack::<L, Avx512Kernel>(rows, width, off, on, pixels) }
}

struct Avx512Kernel;

/// The operations on one vector of lanes of this width.
pub trait Avx512Lane: Copy {
    #[doc(hidden)]
    const LANES: usize = 64 / size_of::<Self>();
    /// Returns a vector of equal lanes.
    ///
    /// # Safety
    ///
    /// The machine must have AVX-512 F and BW.
    #[doc(hidden)]
    unsafe fn splat(value: Self) -> __m512i;
    /// Loads the lanes whose bits are set in `inside`.
    ///
    /// # Safety
    ///
    /// As `splat`; the lanes whose bits are set in `inside` can be read at `lanes`.
    #[doc(hidden)]
    unsafe fn load(lanes: *const Self, inside: u64) -> __m512i;
    /// Returns the mask of the lanes that are equal.
    ///
    /// # Safety
    ///
    /// As `splat`.
    #[doc(hidden)]
    unsafe fn equal(left: __m512i, right: __m512i) -> u64;
    /// Stores `on` in each lane whose bit of `mask` is set, or else `off`, where its bit of `inside` is set.
    ///
    /// # Safety
    ///
    /// As `splat`; the lanes whose bits are set in `inside` can be written at `lanes`.
    #[doc(hidden)]
    unsafe fn store(lanes: *mut Self, inside: u64, mask: u64, off: __m512i, on: __m512i);
}

impl<L: Avx512Lane> Kernel<L> for Avx512Kernel {
    #[inline(always)]
    unsafe fn compare(lanes: &[L], count: usize, off: L, on: L) -> Masks {
        debug_assert!(lanes.len() >= count && count <= 64);
        let inside = u64::MAX >> (64 - count);
        let mut masks = Masks { off: 0, on: 0 };
        let mut lane = 0;
        // SAFETY: the caller vouches for the instructions; `inside` has no bit from `count` up.
        unsafe {
            let (off, on) = (L::splat(off), L::splat(on));
            while lane < count {
                let vector = L::load(lanes.as_ptr().add(lane), inside >> lane);
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
        // Storing whole vectors is faster than masked stores, and nearly always possible.
        let inside = if lanes.len() >= 64 { u64::MAX } else { u64::MAX >> (64 - count) };
        let mut lane = 0;
        // SAFETY: the caller vouches for the instructions; `inside` has no bit from the number of lanes up.
        unsafe {
            let (off, on) = (L::splat(off), L::splat(on));
            while lane < count {
                L::store(lanes.as_mut_ptr().add(lane), inside >> lane, mask >> lane, off, on);
                lane += L::LANES;
            }
        }
    }
}

macro_rules! lanes {
    ($($lane:ty, $signed:ty, $mask:ty, $splat:ident, $load:ident, $equal:ident, $blend:ident, $store:ident;)*) => {$(
        #[expect(clippy::allow_attributes, reason = "not every width narrows its mask")]
        #[allow(clippy::cast_possible_truncation, clippy::cast_lossless, clippy::unnecessary_cast, reason = "a mask has one bit per lane of this width")]
        impl Avx512Lane for $lane {
            #[inline(always)]
            unsafe fn splat(value: Self) -> __m512i {
                // SAFETY: the caller vouches for the instructions.
                unsafe { $splat(value as $signed) }
            }

            #[inline(always)]
            unsafe fn load(lanes: *const Self, inside: u64) -> __m512i {
                // SAFETY: the caller vouches for the instructions; lanes outside the mask are not read.
                unsafe { $load(inside as $mask, lanes.cast()) }
            }

            #[inline(always)]
            unsafe fn equal(left: __m512i, right: __m512i) -> u64 {
                // SAFETY: the caller vouches for the instructions.
                unsafe { $equal(left, right) as u64 }
            }

            #[inline(always)]
            unsafe fn store(lanes: *mut Self, inside: u64, mask: u64, off: __m512i, on: __m512i) {
                // SAFETY: the caller vouches for the instructions; lanes outside the mask are not written.
                unsafe {
                    let chosen = $blend(mask as $mask, off, on);
                    if inside as $mask == <$mask>::MAX {
                        _mm512_storeu_si512(lanes.cast(), chosen);
                    } else {
                        $store(lanes.cast(), inside as $mask, chosen);
                    }
                }
            }
        }
    )*};
}

lanes! {
    u8, i8, u64, _mm512_set1_epi8, _mm512_maskz_loadu_epi8, _mm512_cmpeq_epi8_mask, _mm512_mask_blend_epi8, _mm512_mask_storeu_epi8;
    u16, i16, u32, _mm512_set1_epi16, _mm512_maskz_loadu_epi16, _mm512_cmpeq_epi16_mask, _mm512_mask_blend_epi16, _mm512_mask_storeu_epi16;
    u32, i32, u16, _mm512_set1_epi32, _mm512_maskz_loadu_epi32, _mm512_cmpeq_epi32_mask, _mm512_mask_blend_epi32, _mm512_mask_storeu_epi32;
    u64, i64, u8, _mm512_set1_epi64, _mm512_maskz_loadu_epi64, _mm512_cmpeq_epi64_mask, _mm512_mask_blend_epi64, _mm512_mask_storeu_epi64;
}
