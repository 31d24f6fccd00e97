//! Symbols as one number: range coding (G. N. N. Martin, "Range encoding", 1979), with 12-bit shares of a 32-bit range.
//!
//! A range coder ends in the shortest bytes that lie within its last range, half a byte behind the symbols'
//! information. (Asymmetric numeral systems decode a little faster, but start at 12 bits of state or more, which is a byte
//! and a half of each payload, and payloads of small images have fewer than fifteen.)

/// Frequencies sum up to this.
pub(super) const TOTAL_BITS: u32 = 12;
pub(super) const TOTAL: u32 = 1 << TOTAL_BITS;

/// A range that is smaller takes in bytes.
const LEAST_RANGE: u32 = 1 << 24;

/// Where a symbol's share of `0..TOTAL` starts, and how large it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) start: u16,
    pub(super) size: u16,
}

impl Share {
    /// The shares of a number of so many bits, all values of which are as likely.
    pub(super) fn uniform(number: usize, bits: u32) -> impl Iterator<Item = Self> {
        chunks(bits).map(move |(shift, count)| {
            let size = TOTAL >> count;
            let value = (number >> shift) as u32 & ((1 << count) - 1);
            Self { start: (value * size) as u16, size: size as u16 }
        })
    }
}

/// Bits in pieces that one share can stand for, the highest first: by how much to shift, and how many.
fn chunks(bits: u32) -> impl Iterator<Item = (u32, u32)> {
    let pieces = bits.div_ceil(TOTAL_BITS);
    (0..pieces).rev().map(move |piece| {
        let shift = piece * TOTAL_BITS;
        (shift, (bits - shift).min(TOTAL_BITS))
    })
}

/// Appends symbols to a payload.
#[derive(Debug)]
pub(super) struct RangeEncoder<'a> {
    payload: &'a mut Vec<u8>,
    /// Where in the payload this number begins.
    start: usize,
    low: u32,
    range: u32,
    /// How many bytes there were when a symbol was added last whose share does not start at zero.
    settled: usize,
}

impl<'a> RangeEncoder<'a> {
    pub(super) fn new(payload: &'a mut Vec<u8>) -> Self {
        Self { start: payload.len(), payload, low: 0, range: u32::MAX, settled: 0 }
    }

    /// Adds the symbol of this share.
    #[inline]
    pub(super) fn encode(&mut self, share: Share) {
        let unit = self.range >> TOTAL_BITS;
        self.add(unit * u32::from(share.start));
        self.range = unit * u32::from(share.size);
        while self.range < LEAST_RANGE {
            self.payload.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    /// Adds the lowest bits of a number.
    pub(super) fn encode_bits(&mut self, number: usize, bits: u32) {
        Share::uniform(number, bits).for_each(|share| self.encode(share));
    }

    fn add(&mut self, number: u32) {
        if number != 0 {
            self.settled = self.payload.len() - self.start;
        }
        let (low, carry) = self.low.overflowing_add(number);
        self.low = low;
        if carry {
            let bytes = self.payload[self.start..].iter_mut().rev();
            for byte in bytes {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }

    /// Ends the payload with the fewest bytes that tell its symbols from others; zeros behind them need not be there, as far
    /// as a decoder goes on without them.
    pub(super) fn finish(mut self) {
        let room = self.range - 1;
        let rest =
            (0..4).map(|bytes| u32::MAX >> (8 * bytes)).find(|&rest| self.low.wrapping_neg() & rest <= room);
        let up = self.low.wrapping_neg() & rest.unwrap_or(0);
        self.add(up);
        self.payload.extend_from_slice(&self.low.to_be_bytes());
        let least = self.start + self.settled.saturating_sub(BEHIND - 4);
        while self.payload.len() > least && self.payload.ends_with(&[0]) {
            self.payload.pop();
        }
    }
}

/// A decoder takes in so many zeros behind a payload, and no more unless all that is left is zeros: what no payload tells
/// must not cost time.
const BEHIND: usize = 8;

/// Takes symbols out of a payload.
#[derive(Debug)]
pub(super) struct RangeDecoder<'a> {
    /// The payload, the zeros behind it, and four more.
    bytes: &'a [u8],
    position: usize,
    code: u32,
    range: u32,
}

impl<'a> RangeDecoder<'a> {
    /// A decoder of this payload, which is copied to `buffer`.
    pub(super) fn new(payload: &[u8], buffer: &'a mut Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(payload);
        buffer.extend_from_slice(&[0; BEHIND + 4]);
        let mut decoder = Self { bytes: buffer, position: 0, code: 0, range: u32::MAX };
        decoder.code = decoder.next_bytes();
        decoder.position = 4;
        decoder
    }

    #[inline]
    fn next_bytes(&self) -> u32 {
        let next = self.bytes[self.position..].first_chunk();
        u32::from_be_bytes(*next.expect("four zeros are behind the payload"))
    }

    /// Where in `0..TOTAL` the next symbol's share is.
    #[inline]
    pub(super) fn slot(&self) -> u16 {
        let unit = self.range >> TOTAL_BITS;
        (self.code / unit).min(TOTAL - 1) as u16
    }

    /// Goes on behind the symbol of this share, in which [`slot`](Self::slot) lies.
    #[inline]
    pub(super) fn advance(&mut self, share: Share) {
        let unit = self.range >> TOTAL_BITS;
        let code = self.code - unit * u32::from(share.start);
        let range = unit * u32::from(share.size);
        // A share has one unit or more, of 12 bits or more: at most two bytes are to be taken in.
        let bytes = range.leading_zeros() / 8;
        let next = self.next_bytes();
        self.code = code << (8 * bytes) | (next >> 16 >> (16 - 8 * bytes));
        self.range = range << (8 * bytes);
        self.position = (self.position + bytes as usize).min(self.bytes.len() - 4);
    }

    /// A number of so many bits.
    pub(super) fn bits(&mut self, bits: u32) -> usize {
        let mut number = 0;
        for (_, count) in chunks(bits) {
            let value = u32::from(self.slot()) >> (TOTAL_BITS - count);
            let size = TOTAL >> count;
            self.advance(Share { start: (value * size) as u16, size: size as u16 });
            number = number << count | value as usize;
        }
        number
    }

    /// Whether the symbols so far can have come from all of the payload.
    pub(super) fn is_done(&self) -> bool {
        self.position >= self.bytes.len() - BEHIND - 4
    }

    /// Whether every symbol that follows is the first of its distribution.
    pub(super) fn is_zero(&self) -> bool {
        self.code == 0 && self.is_done()
    }

    /// That symbols still come from the payload, or from the zeros that may stand behind it.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let is_behind = self.position == self.bytes.len() - 4;
        if is_behind && self.code != 0 {
            Err("expected the end of the image, found the end of the payload")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(shares: &[Share]) -> Vec<u8> {
        let mut payload = b"before".to_vec();
        let mut encoder = RangeEncoder::new(&mut payload);
        shares.iter().for_each(|&share| encoder.encode(share));
        encoder.finish();
        assert_eq!(payload[..6], *b"before");
        payload.split_off(6)
    }

    proptest! {
        #[test]
        fn do_shares_come_back(sizes in prop::collection::vec((0_u32..TOTAL, 1_u32..=TOTAL), 0..200)) {
            let shares: Vec<Share> = sizes
                .into_iter()
                .map(|(start, size)| Share { start: start as u16, size: size.min(TOTAL - start) as u16 })
                .collect();
            let payload = encode(&shares);
            let information: f64 =
                shares.iter().map(|share| (f64::from(TOTAL) / f64::from(share.size)).log2()).sum();
            prop_assert!(payload.len() as f64 <= information * 1.001 / 8.0 + 1.1, "{} bytes", payload.len());
            let mut buffer = Vec::new();
            let mut decoder = RangeDecoder::new(&payload, &mut buffer);
            for share in shares {
                let slot = decoder.slot();
                prop_assert!((share.start..share.start + share.size).contains(&slot));
                decoder.advance(share);
            }
            prop_assert!(decoder.is_done());
        }

        #[test]
        fn do_numbers_come_back(number in any::<u32>(), bits in 0_u32..=32) {
            let number = (u64::from(number) & ((1 << bits) - 1)) as usize;
            let payload = encode(&Share::uniform(number, bits).collect::<Vec<_>>());
            prop_assert!(payload.len() <= bits.div_ceil(8) as usize + 1);
            let mut buffer = Vec::new();
            let mut decoder = RangeDecoder::new(&payload, &mut buffer);
            prop_assert_eq!(decoder.bits(bits), number);
            prop_assert!(decoder.is_done());
        }
    }
}
