//! Compares every kernel with `naive`, and `naive` with `bitvec`.

use std::fmt::Debug;

use bitvec::prelude::*;

use super::{Lane, naive, portable};

type Pack<L> = unsafe fn(&[L], usize, L, L, &mut [u8]) -> Result<(), usize>;
type Unpack<L> = unsafe fn(&[u8], usize, L, L, &mut [L]);

/// Returns the kernels that this machine can run.
fn kernels<L: Lane>() -> Vec<(&'static str, Pack<L>, Unpack<L>)> {
    let mut kernels: Vec<(_, Pack<L>, Unpack<L>)> =
        vec![("portable", portable::pack_rows, portable::unpack_rows)];
    #[cfg(target_arch = "x86_64")]
    {
        use super::{avx2, avx512};
        if avx2::is_available() {
            kernels.push(("avx2", avx2::pack_rows, avx2::unpack_rows));
        }
        if avx512::is_available() {
            kernels.push(("avx512", avx512::pack_rows, avx512::unpack_rows));
        }
    }
    kernels
}

/// Returns pseudo-random numbers (SplitMix64).
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |i: u64| {
        let mut word = (seed ^ i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word ^ word >> 27
    })
}

fn check_round_trip<L: Lane + Debug>(off: L, on: L, other: L) {
    for (width, height) in (1..=200).flat_map(|width| [(width, 1), (width, 5)]) {
        let pixels: Vec<L> = noise(width as u64)
            .take(width * height)
            .map(|word| if word >> 40 & 1 == 1 { on } else { off })
            .collect();
        let mut expected = vec![0; width.div_ceil(8) * height];
        naive::pack_rows(&pixels, width, off, on, &mut expected).unwrap();
        for row in 0..height {
            let bits = &expected.view_bits::<Msb0>()[row * width.div_ceil(8) * 8..][..width];
            assert!(bits.iter().zip(&pixels[row * width..]).all(|(bit, &pixel)| *bit == (pixel == on)));
        }
        let mut unpacked = vec![other; pixels.len()];
        naive::unpack_rows(&expected, width, off, on, &mut unpacked);
        assert_eq!(unpacked, pixels);
        for (name, pack, unpack) in kernels::<L>() {
            // One lane and one byte before and after must not be written.
            let mut packed = vec![0xA5; expected.len() + 2];
            let end = packed.len() - 1;
            let shifted = [&[off], pixels.as_slice()].concat();
            // SAFETY: `kernels` lists those that the machine has.
            unsafe { pack(&shifted[1..], width, off, on, &mut packed[1..end]) }.unwrap();
            assert_eq!(packed[1..end], expected, "{name} {width}");
            assert_eq!((packed[0], packed[end]), (0xA5, 0xA5), "{name} {width}");

            let mut unpacked = vec![other; pixels.len() + 2];
            let end = unpacked.len() - 1;
            // SAFETY: `kernels` lists those that the machine has.
            unsafe { unpack(&expected, width, off, on, &mut unpacked[1..end]) };
            assert_eq!(unpacked[1..end], pixels, "{name} {width}");
            assert_eq!((unpacked[0], unpacked[end]), (other, other), "{name} {width}");
        }
    }
}

fn check_errors<L: Lane + Debug>(off: L, on: L, other: L) {
    for width in [1, 7, 28, 63, 64, 65, 105, 130] {
        let pixels: Vec<L> =
            noise(9).take(width * 3).map(|word| if word >> 40 & 1 == 1 { on } else { off }).collect();
        for at in 0..pixels.len() {
            let mut pixels = pixels.clone();
            pixels[at..].fill(other);
            for (name, pack, _) in kernels::<L>() {
                let mut rows = vec![0; width.div_ceil(8) * 3];
                // SAFETY: `kernels` lists those that the machine has.
                assert_eq!(unsafe { pack(&pixels, width, off, on, &mut rows) }, Err(at), "{name} {width}");
            }
        }
    }
}

#[test]
fn all_kernels_agree_with_naive_and_bitvec() {
    check_round_trip::<u8>(0, 1, 7);
    check_round_trip::<u8>(0x80, 0x7F, 0);
    check_round_trip::<u16>(0, 0x3C00, 0x8000);
    check_round_trip::<u32>(0, 1.0_f32.to_bits(), 0x8000_0000);
    check_round_trip::<u64>(u64::MAX, 1 << 63, 0);
}

#[test]
fn finds_the_first_other_pixel_everywhere() {
    check_errors::<u8>(0, 1, 2);
    check_errors::<u8>(0, 255, 1);
    check_errors::<u16>(0, 1, 256);
    check_errors::<u32>(0, 1, 1 << 16);
    check_errors::<u64>(0, 1, 1 << 32);
}

#[test]
#[should_panic(expected = "expected whole rows")]
fn rejects_pixels_that_are_not_whole_rows() {
    let _ = super::pack_rows(&[0_u8; 5], 3, 0, 1, &mut [0; 2]);
}
