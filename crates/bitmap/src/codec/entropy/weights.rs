//! Symbol weights: how likely each symbol is, in one byte each.

use super::range_coder::TOTAL;

/// The largest number of symbols of an alphabet.
pub(super) const SYMBOLS: usize = 4;

/// The weight of each symbol, on a logarithmic scale with steps of about a tenth; 0 for a symbol that never occurred.
pub(super) type Weights = [u8; SYMBOLS];

/// The largest weight: seven bits cover counts up to 2^15 and a little more.
const MAX_WEIGHT: u8 = 127;

/// Returns the count that a weight stands for, in eighths.
///
/// The weight less one is a floating-point number: its lowest three bits are the mantissa, those above the exponent.
fn eighths(weight: u8) -> u32 {
    weight.checked_sub(1).map_or(0, |below| (8 + u32::from(below & 7)) << (below >> 3))
}

/// Returns the weights of symbols with these counts.
pub(super) fn weights(counts: &[u32; SYMBOLS]) -> Weights {
    let largest = counts.iter().copied().max().unwrap_or(0);
    // Counts are scaled down to what weights cover.
    let shift = (32 - largest.leading_zeros()).saturating_sub(15);
    counts.map(|count| match count >> shift {
        0 => 0,
        number => (1..=MAX_WEIGHT).min_by_key(|&weight| eighths(weight).abs_diff(number * 8)).unwrap_or(1),
    })
}

/// Returns the share of `TOTAL` that each symbol has; every symbol of the alphabet gets at least 1.
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
    fn keeps_counts_to_a_sixteenth() {
        for count in [1, 2, 3, 7, 8, 9, 100, 1000, 12345, 32767] {
            let mut counts = [0; SYMBOLS];
            counts[3] = count;
            let kept = eighths(weights(&counts)[3]);
            assert!(kept.abs_diff(count * 8) <= count / 2, "{count} became {kept} eighths");
        }
    }

    #[test]
    fn gives_every_symbol_a_share() {
        let mut counts = [0; SYMBOLS];
        (counts[2], counts[1]) = (u32::MAX, 1);
        let sizes = sizes(&weights(&counts), 3).unwrap();
        assert_eq!(sizes.iter().map(|&size| u32::from(size)).sum::<u32>(), TOTAL);
        assert!(sizes[..3].iter().all(|&size| size > 0), "{sizes:?}");
        assert_eq!(sizes[2], 4094, "the remainder goes to the likeliest symbol");
        assert_eq!(sizes[3..], [0; 1]);
    }
}
