//! Searching 16 sorted numbers at once.

/// Returns the index of the last of the sorted numbers that is at most `number`.
///
/// The first one must be at most `number`, and all numbers below 2^15.
#[inline(always)]
pub(crate) fn last_at_most(sorted: &[u16; 16], number: u16) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            __m128i, _mm_cmpgt_epi16, _mm_loadu_si128, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16,
        };
        // SAFETY: every x86-64 has these instructions, and both loads are within the array.
        let above = unsafe {
            let [low, high] =
                [0, 8].map(|index| _mm_loadu_si128(sorted.as_ptr().add(index).cast::<__m128i>()));
            let number = _mm_set1_epi16(number.cast_signed());
            let above = _mm_packs_epi16(_mm_cmpgt_epi16(low, number), _mm_cmpgt_epi16(high, number));
            _mm_movemask_epi8(above)
        };
        // One before the first that is above, or the last one.
        ((above | 1 << 16).trailing_zeros() as usize).wrapping_sub(1) & 15
    }
    #[cfg(not(target_arch = "x86_64"))]
    naive(sorted, number)
}

/// Compares one number after the other.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn naive(sorted: &[u16; 16], number: u16) -> usize {
    sorted.iter().map(|&start| usize::from(start <= number)).sum::<usize>() - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_linear_search(mut sorted in prop::array::uniform16(0_u16..1 << 15), number in 0_u16..1 << 15) {
            sorted[0] = 0;
            sorted.sort_unstable();
            prop_assert_eq!(last_at_most(&sorted, number), naive(&sorted, number));
            prop_assert_eq!(last_at_most(&sorted, sorted[7]), naive(&sorted, sorted[7]));
        }
    }
}
