//! How likely symbols are, in one byte each.

use super::range_coder::TOTAL;

/// Symbols of an alphabet, at most.
pub(super) const SYMBOLS: usize = 16;

/// How likely each symbol is, in steps of about a tenth; 0 for never.
pub(super) type Weights = [u8; SYMBOLS];

/// The largest weight.
const MAX_WEIGHT: u8 = 127;

/// A weight as eighths: that of the one below it has an exponent in its upper bits and in its lowest three the digits behind
/// the point.
fn eighths(weight: u8) -> u32 {
    weight.checked_sub(1).map_or(0, |below| (8 + u32::from(below & 7)) << (below >> 3))
}

/// The weights of symbols that came so often.
pub(super) fn weights(counts: &[u32; SYMBOLS]) -> Weights {
    let largest = counts.iter().copied().max().unwrap_or(0);
    // A weight reaches up to 2^15.
    let shift = (32 - largest.leading_zeros()).saturating_sub(15);
    counts.map(|count| match count >> shift {
        0 => 0,
        number => (1..=MAX_WEIGHT).min_by_key(|&weight| eighths(weight).abs_diff(number * 8)).unwrap_or(1),
    })
}

/// The shares of `TOTAL` that symbols of these weights have. Each symbol of the alphabet has one.
pub(super) fn sizes(weights: &Weights, symbols: usize) -> Result<[u16; SYMBOLS], &'static str> {
    if weights.iter().any(|&weight| weight > MAX_WEIGHT) {
        return Err("expected weights of at most 127, found a larger one");
    }
    let values = weights.map(eighths);
    let sum: u64 = values.iter().copied().map(u64::from).sum();
    if sum == 0 {
        return Err("expected a symbol with a weight, found none");
    }
    let spare = u64::from(TOTAL) - symbols as u64;
    let mut sizes = [0; SYMBOLS];
    let mut left = spare as u16;
    for (size, &value) in sizes[..symbols].iter_mut().zip(&values) {
        let share = (u64::from(value) * spare / sum) as u16;
        *size = 1 + share;
        left -= share;
    }
    let largest = (0..symbols).rev().max_by_key(|&symbol| sizes[symbol]).unwrap_or(0);
    sizes[largest] += left;
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_counts_kept_to_a_sixteenth() {
        for count in [1, 2, 3, 7, 8, 9, 100, 1000, 12345, 32767] {
            let mut counts = [0; SYMBOLS];
            counts[3] = count;
            let kept = eighths(weights(&counts)[3]);
            assert!(kept.abs_diff(count * 8) <= count / 2, "{count} became {kept} eighths");
        }
    }

    #[test]
    fn does_every_symbol_have_a_share() {
        let mut counts = [0; SYMBOLS];
        (counts[2], counts[5]) = (u32::MAX, 1);
        let sizes = sizes(&weights(&counts), 11).unwrap();
        assert_eq!(sizes.iter().map(|&size| u32::from(size)).sum::<u32>(), TOTAL);
        assert!(sizes[..11].iter().all(|&size| size > 0), "{sizes:?}");
        assert_eq!(sizes[2], 4086, "what is left goes to the likeliest");
        assert_eq!(sizes[11..], [0; 5]);
    }
}
