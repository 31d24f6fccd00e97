//! Weights: how often a bit was 0 and how often it was 1, in one byte each.

use crate::codec::range_coder::TOTAL;

/// The weights of 0 and 1, on a logarithmic scale with steps of about a tenth; 0 for a bit that never occurred.
pub(super) type Weights = [u8; 2];

/// The largest weight: seven bits cover counts up to 2^15 and a little more.
const MAX_WEIGHT: u8 = 127;

/// Returns the count that a weight stands for, in eighths.
///
/// The weight less one is a floating-point number: its lowest three bits are the mantissa, those above the exponent.
fn eighths(weight: u8) -> u32 {
    weight.checked_sub(1).map_or(0, |below| (8 + u32::from(below & 7)) << (below >> 3))
}

/// Returns the weights of these counts.
pub(super) fn weights(counts: [u32; 2]) -> Weights {
    let largest = counts[0].max(counts[1]);
    // Counts are scaled down to what weights cover.
    let shift = (32 - largest.leading_zeros()).saturating_sub(15);
    counts.map(|count| match count >> shift {
        0 => 0,
        number => (1..=MAX_WEIGHT).min_by_key(|&weight| eighths(weight).abs_diff(number * 8)).unwrap_or(1),
    })
}

/// Returns the share of `TOTAL` that 0 has; both 0 and 1 get 1 or more.
pub(super) fn zeros_share(weights: Weights) -> Result<u16, &'static str> {
    if weights.iter().any(|&weight| weight > MAX_WEIGHT) {
        return Err("expected weights of at most 127, found a larger one");
    }
    let counts = weights.map(|weight| u64::from(eighths(weight)));
    let sum = counts[0] + counts[1];
    if sum == 0 {
        return Err("expected a symbol with a weight, found none");
    }
    let share = |count: u64| 1 + (count * u64::from(TOTAL - 2) / sum) as u16;
    // What rounding leaves goes to the larger share.
    let [zeros, ones] = counts.map(share);
    Ok(if zeros >= ones { TOTAL - ones } else { zeros })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_counts_to_a_sixteenth() {
        for count in [1, 2, 3, 7, 8, 9, 100, 1000, 12345, 32767] {
            let kept = eighths(weights([0, count])[1]);
            assert!(kept.abs_diff(count * 8) <= count / 2, "{count} became {kept} eighths");
        }
    }

    #[test]
    fn gives_both_bits_a_share() {
        let share = |counts| zeros_share(weights(counts)).unwrap();
        assert_eq!([share([0, u32::MAX]), share([1, u32::MAX]), share([u32::MAX, 0])], [1, 1, TOTAL - 1]);
        assert_eq!([share([1, 1]), share([1, 2]), share([2, 1])], [2048, 1365, 2731]);
    }
}
