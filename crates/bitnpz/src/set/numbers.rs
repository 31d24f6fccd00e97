//! Numbers of variable and of fixed length.

/// Appends a number in LEB128: seven bits in each byte, the lowest first; all bytes but the last have the highest bit set.
pub(super) fn push_varint(number: usize, bytes: &mut Vec<u8>) {
    let mut rest = number;
    while rest > 127 {
        bytes.push(rest.to_le_bytes()[0] | 128);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

/// Takes a number in LEB128 from the start of `bytes`; `None` if they end before or the number overflows.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = *bytes.split_off_first()?;
        let bits = usize::from(byte & 127);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}

/// Returns the number of bits that a number needs.
pub(super) fn bit_len(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
}

/// Returns the number of bits that numbers below `count` need.
pub(super) fn bits_below(count: usize) -> u32 {
    bit_len(count.saturating_sub(1))
}

/// Returns the length of so many numbers of so many bits, in bytes; `None` if it overflows.
pub(super) fn fixed_len(count: usize, bits: u32) -> Option<usize> {
    Some(count.checked_mul(bits as usize)?.div_ceil(8))
}

/// The bits of a word that are read at once, wherever it starts in a byte.
pub(super) const WORD_BITS: u32 = 57;

/// Writes the lowest bits of a number at its place among numbers of the same length, the lowest bit first. The bytes must be
/// zero there.
pub(super) fn put_fixed(number: usize, place: usize, bits: u32, bytes: &mut [u8]) {
    put_bits(number, place * bits as usize, bits, bytes);
}

/// Returns the number at this place among numbers of so many bits, at most 56. Numbers past the end of `bytes` are zero.
pub(super) fn fixed(bytes: &[u8], place: usize, bits: u32) -> usize {
    bits_at(bytes, place * bits as usize, bits)
}

/// Writes the lowest bits of a number from bit `start` on, the lowest first. The bytes must be zero there.
pub(super) fn put_bits(number: usize, start: usize, bits: u32, bytes: &mut [u8]) {
    for bit in 0..bits as usize {
        let at = start + bit;
        bytes[at / 8] |= u8::from(number >> bit & 1 == 1) << (at % 8);
    }
}

/// Returns the number of so many bits, at most 56, from bit `start` on. Bits past the end of `bytes` are zero.
#[inline]
pub(super) fn bits_at(bytes: &[u8], start: usize, bits: u32) -> usize {
    usize::try_from(word_at(bytes, start) & ((1 << bits) - 1)).unwrap_or(usize::MAX)
}

/// Returns the bits from bit `start` on: at least [`WORD_BITS`], the first in the lowest bit. Bits past the end of `bytes` are zero.
#[inline]
pub(super) fn word_at(bytes: &[u8], start: usize) -> u64 {
    let word = match bytes.get(start / 8..).and_then(<[u8]>::first_chunk) {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(bytes, start / 8),
    };
    word >> (start % 8)
}

/// Returns whether the bits of the last byte are zero behind so many bits in all.
pub(super) fn is_filled_up(bytes: &[u8], bits: usize) -> bool {
    bytes.last().is_none_or(|last| bits.is_multiple_of(8) || last >> (bits % 8) == 0)
}

/// Returns the bytes from `start` on, fewer than eight, as a word, with zeros behind them.
#[cold]
fn last_word(bytes: &[u8], start: usize) -> u64 {
    let mut word = [0; 8];
    let rest = bytes.get(start..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips_numbers(numbers in prop::collection::vec(any::<u32>(), 0..50), bits in 0_u32..=32) {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|&number| push_varint(number as usize, &mut bytes));
            let mut rest = bytes.as_slice();
            numbers.iter().for_each(|&number| assert_eq!(take_varint(&mut rest), Some(number as usize)));
            prop_assert!(rest.is_empty());
            let mut bytes = vec![0; fixed_len(numbers.len(), bits).unwrap()];
            let below = |number: u32| usize::try_from(u64::from(number) & ((1 << bits) - 1)).unwrap();
            for (place, &number) in numbers.iter().enumerate() {
                put_fixed(number as usize, place, bits, &mut bytes);
            }
            for (place, &number) in numbers.iter().enumerate() {
                prop_assert_eq!(fixed(&bytes, place, bits), below(number));
            }
        }

        #[test]
        fn any_bytes_give_a_number_or_none(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            take_varint(&mut bytes.as_slice());
        }
    }
}
