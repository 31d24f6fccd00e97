//! Range coding (G. N. N. Martin, "Range encoding", 1979), with 12-bit shares of a 32-bit range.
//!
//! A range coder ends with the shortest bytes that lie within its last range, which is about half a byte more than the
//! information of the symbols. (Asymmetric numeral systems decode a little faster, but start with 12 bits of state or
//! more: a byte and a half of each payload, and payloads of small images have fewer than fifteen bytes.)

/// The bits of a share: with 12, a share fits into a `u16`, and the smallest one still has 12 bits of a 24-bit range.
pub(super) const TOTAL_BITS: u32 = 12;
/// The sum of the shares of a distribution.
pub(super) const TOTAL: u32 = 1 << TOTAL_BITS;

/// A smaller range is renormalized by whole bytes, so that it has 24 bits or more before each symbol.
const MIN_RANGE: u32 = 1 << 24;

/// The part of `0..TOTAL` that stands for a symbol.
#[derive(Clone, Copy, Debug)]
pub(in crate::codec) struct Share {
    pub(in crate::codec) start: u16,
    pub(in crate::codec) size: u16,
}

/// Encodes symbols into a payload.
#[derive(Debug)]
pub(in crate::codec) struct RangeEncoder<'a> {
    payload: &'a mut Vec<u8>,
    /// The offset in `payload` of the first byte of this encoder.
    start: usize,
    low: u32,
    range: u32,
    /// The number of bytes when the last symbol was added whose share does not start at zero.
    nonzero_len: usize,
}

impl<'a> RangeEncoder<'a> {
    /// Creates an encoder that appends to `payload`.
    pub(in crate::codec) fn new(payload: &'a mut Vec<u8>) -> Self {
        Self { start: payload.len(), payload, low: 0, range: u32::MAX, nonzero_len: 0 }
    }

    /// Encodes the symbol with this share.
    #[inline]
    pub(in crate::codec) fn encode(&mut self, share: Share) {
        let unit = self.range >> TOTAL_BITS;
        self.add(unit * u32::from(share.start));
        self.range = unit * u32::from(share.size);
        while self.range < MIN_RANGE {
            self.payload.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    /// Adds to the low end of the range, and carries into the bytes that were written.
    fn add(&mut self, number: u32) {
        if number != 0 {
            self.nonzero_len = self.payload.len() - self.start;
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

    /// Ends the payload with the fewest bytes within the last range.
    ///
    /// Zero bytes at the end are dropped, as long as the decoder supplies them ([`MAX_IMPLIED_ZEROS`]).
    pub(in crate::codec) fn finish(mut self) {
        let slack = self.range - 1;
        let rest =
            (0..4).map(|bytes| u32::MAX >> (8 * bytes)).find(|&rest| self.low.wrapping_neg() & rest <= slack);
        let up = self.low.wrapping_neg() & rest.unwrap_or(0);
        self.add(up);
        self.payload.extend_from_slice(&self.low.to_be_bytes());
        let min_len = self.start + self.nonzero_len.saturating_sub(MAX_IMPLIED_ZEROS - 4);
        while self.payload.len() > min_len && self.payload.ends_with(&[0]) {
            self.payload.pop();
        }
    }
}

/// The number of zero bytes that a decoder reads behind a payload.
///
/// The bound keeps the time of decoding linear in the payload's length: behind these zeros a decoder continues only if all
/// that follows is zero too.
const MAX_IMPLIED_ZEROS: usize = 8;

/// The zero bytes behind a payload in a decoder's buffer: those that are implied, one that shows that more were read, and four that
/// are looked at and not read.
const ZEROS: usize = MAX_IMPLIED_ZEROS + 5;

/// Decodes symbols from a payload.
#[derive(Debug)]
pub(in crate::codec) struct RangeDecoder<'a> {
    /// The payload, its implied zeros, and four more.
    bytes: &'a [u8],
    position: usize,
    code: u32,
    range: u32,
}

impl<'a> RangeDecoder<'a> {
    /// Creates a decoder of this payload, which is copied to `buffer`.
    pub(in crate::codec) fn new(payload: &[u8], buffer: &'a mut Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(payload);
        buffer.extend_from_slice(&[0; ZEROS]);
        let mut decoder = Self { bytes: buffer, position: 0, code: 0, range: u32::MAX };
        decoder.code = decoder.next_bytes();
        decoder.position = 4;
        decoder
    }

    #[inline]
    fn next_bytes(&self) -> u32 {
        let next = self.bytes[self.position..].first_chunk();
        u32::from_be_bytes(*next.expect("four zeros follow the payload"))
    }

    /// Returns a number in `0..TOTAL` that lies within the next symbol's share.
    #[inline]
    pub(in crate::codec) fn slot(&self) -> u16 {
        let unit = self.range >> TOTAL_BITS;
        (self.code / unit).min(TOTAL - 1) as u16
    }

    /// Removes the symbol with this share, in which [`slot`](Self::slot) lies.
    #[inline]
    pub(in crate::codec) fn advance(&mut self, share: Share) {
        let unit = self.range >> TOTAL_BITS;
        let code = self.code - unit * u32::from(share.start);
        let range = unit * u32::from(share.size);
        // A share is one unit or more, and a unit has 12 bits or more: at most two bytes are read.
        let bytes = range.leading_zeros() / 8;
        let next = self.next_bytes();
        self.code = code << (8 * bytes) | (next >> 16 >> (16 - 8 * bytes));
        self.range = range << (8 * bytes);
        self.position = (self.position + bytes as usize).min(self.bytes.len() - 4);
    }

    /// Returns whether the whole payload has been read.
    pub(in crate::codec) fn is_done(&self) -> bool {
        self.position >= self.bytes.len() - ZEROS
    }

    /// Returns whether every symbol that follows is the first of its distribution.
    pub(in crate::codec) fn is_zero(&self) -> bool {
        self.code == 0 && self.is_done()
    }

    /// Checks that symbols still come from the payload or its implied zeros.
    pub(in crate::codec) fn check(&self) -> Result<(), &'static str> {
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
        fn round_trips_shares(sizes in prop::collection::vec((0_u32..TOTAL, 1_u32..=TOTAL), 0..200)) {
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
    }
}
