//! The kernel for any machine: eight lanes of a byte at a time, in 64-bit words.

use super::rows::{self, Kernel, Masks};

/// The portable operations on lanes of this width.
pub trait PortableLane: Sized {
    /// Returns the mask of the lanes that equal `value`.
    #[doc(hidden)]
    fn equal(lanes: &[Self], value: Self) -> u64;
    /// Sets each lane to `on` if its bit of `mask` is set, or else to `off`.
    #[doc(hidden)]
    fn choose(mask: u64, off: Self, on: Self, lanes: &mut [Self]);
}

struct PortableKernel;

impl<L: PortableLane + Copy> Kernel<L> for PortableKernel {
    #[inline(always)]
    unsafe fn compare(lanes: &[L], count: usize, off: L, on: L) -> Masks {
        Masks { off: L::equal(&lanes[..count], off), on: L::equal(&lanes[..count], on) }
    }

    #[inline(always)]
    unsafe fn choose(mask: u64, count: usize, off: L, on: L, lanes: &mut [L]) {
        L::choose(mask, off, on, &mut lanes[..count]);
    }
}

pub(super) fn pack_rows<L: PortableLane + Copy>(
    pixels: &[L],
    width: usize,
    off: L,
    on: L,
    rows: &mut [u8],
) -> Result<(), usize> {
    // SAFETY: the portable kernel needs no special instructions.
    unsafe { rows::pack::<L, PortableKernel>(pixels, width, off, on, rows) }
}

pub(super) fn unpack_rows<L: PortableLane + Copy>(
    rows: &[u8],
    width: usize,
    off: L,
    on: L,
    pixels: &mut [L],
) {
    // SAFETY: the portable kernel needs no special instructions.
    unsafe { rows::unpack::<L, PortableKernel>(rows, width, off, on, pixels) }
}

/// A one in every byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of every byte.
const HIGHS: u64 = ONES << 7;

impl PortableLane for u8 {
    #[inline(always)]
    fn equal(lanes: &[u8], value: u8) -> u64 {
        let (words, rest) = lanes.as_chunks::<8>();
        let pattern = u64::from(value) * ONES;
        let bits = |word: u64| {
            let other = word ^ pattern;
            // The highest bit of each byte that is zero in `other`; no carry crosses a byte.
            let zero = !(((other & !HIGHS) + !HIGHS) | other | !HIGHS);
            // Moves the bit of byte i to bit i of the highest byte.
            (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
        };
        let mut mask = 0;
        for (i, word) in words.iter().enumerate() {
            mask |= bits(u64::from_le_bytes(*word)) << (8 * i);
        }
        for (i, &lane) in rest.iter().enumerate() {
            mask |= u64::from(lane == value) << (8 * words.len() + i);
        }
        mask
    }

    #[inline(always)]
    fn choose(mask: u64, off: u8, on: u8, lanes: &mut [u8]) {
        let (words, rest) = lanes.as_chunks_mut::<8>();
        let spread = |bits: u64| {
            // Keeps bit i in byte i, then spreads it to the whole byte.
            let lone = (bits & 0xFF).wrapping_mul(ONES) & 0x8040_2010_0804_0201;
            let high = (lone.wrapping_add(!HIGHS) | lone) & HIGHS;
            (high >> 7) * 0xFF
        };
        let (off_word, flip) = (u64::from(off) * ONES, u64::from(off ^ on) * ONES);
        for (i, word) in words.iter_mut().enumerate() {
            *word = (off_word ^ spread(mask >> (8 * i)) & flip).to_le_bytes();
        }
        let done = 8 * words.len();
        for (i, lane) in rest.iter_mut().enumerate() {
            *lane = if mask >> (done + i) & 1 != 0 { on } else { off };
        }
    }
}

macro_rules! wider {
    ($($lane:ty)*) => {$(
        impl PortableLane for $lane {
            #[inline(always)]
            fn equal(lanes: &[Self], value: Self) -> u64 {
                lanes.iter().rev().fold(0, |mask, &lane| mask << 1 | u64::from(lane == value))
            }

            #[inline(always)]
            fn choose(mask: u64, off: Self, on: Self, lanes: &mut [Self]) {
                for (i, lane) in lanes.iter_mut().enumerate() {
                    *lane = if mask >> i & 1 != 0 { on } else { off };
                }
            }
        }
    )*};
}

wider!(u16 u32 u64);
