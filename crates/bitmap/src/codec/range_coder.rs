//! Range coding of bits (G. N. N. Martin, "Range encoding", 1979), with 12-bit shares of a 32-bit range.
//!
//! A range coder ends with the shortest bytes that lie within its last range, which is about half a byte more than the
//! information of the bits. (Asymmetric numeral systems decode a little faster, but start with 12 bits of state or more: a
//! byte and a half of each payload, and payloads of small images have fewer than fifteen bytes.)

/// The bits of a share: with 12, a share fits into a `u16`, and the smallest one still has 12 bits of a 24-bit range.
const TOTAL_BITS: u32 = 12;
/// The sum of the shares of 0 and 1, each of which has 1 or more.
pub(super) const TOTAL: u16 = 1 << TOTAL_BITS;

/// A smaller range is renormalized by whole bytes, so that it has 24 bits or more before each bit.
const MIN_RANGE: u32 = 1 << 24;

/// Encodes bits into a payload.
#[derive(Debug)]
pub(super) struct RangeEncoder<'a> {
    payload: &'a mut Vec<u8>,
    /// The offset in `payload` of the first byte of this encoder.
    start: usize,
    low: u32,
    range: u32,
    /// The number of bytes when the last 1 was added.
    nonzero_len: usize,
}

impl<'a> RangeEncoder<'a> {
    /// Creates an encoder that appends to `payload`.
    pub(super) fn new(payload: &'a mut Vec<u8>) -> Self {
        Self { start: payload.len(), payload, low: 0, range: u32::MAX, nonzero_len: 0 }
    }

    /// Encodes a bit, where 0 has this share.
    #[inline]
    pub(super) fn encode(&mut self, zeros: u16, bit: bool) {
        let unit = self.range >> TOTAL_BITS;
        if bit {
            self.add(unit * u32::from(zeros));
            self.range = unit * u32::from(TOTAL - zeros);
        } else {
            self.range = unit * u32::from(zeros);
        }
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
    pub(super) fn finish(mut self) {
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

/// Decodes bits from a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct RangeDecoder<'a> {
    payload: &'a [u8],
    /// The number of bytes that were read, of the payload and of zeros behind it.
    read: usize,
    code: u32,
    range: u32,
}

impl<'a> RangeDecoder<'a> {
    /// Creates a decoder of this payload.
    pub(super) fn new(payload: &'a [u8]) -> Self {
        let mut decoder = Self { payload, read: 0, code: 0, range: u32::MAX };
        (0..4).for_each(|_| decoder.read_byte());
        decoder
    }

    #[inline]
    fn read_byte(&mut self) {
        let byte = self.payload.get(self.read).copied().unwrap_or(0);
        self.code = self.code << 8 | u32::from(byte);
        self.read += 1;
    }

    /// Decodes a bit, where 0 has this share.
    // A branch, and both ways to their ends: where it is predicted, what follows need not wait for the bit. One way out with the
    // value of the bit would take up to twice the time.
    #[inline]
    pub(super) fn decode(&mut self, zeros: u16) -> bool {
        let unit = self.range >> TOTAL_BITS;
        let ones_start = unit * u32::from(zeros);
        if self.code >= ones_start {
            self.code -= ones_start;
            self.range = unit * u32::from(TOTAL - zeros);
            self.renormalize();
            true
        } else {
            self.range = ones_start;
            self.renormalize();
            false
        }
    }

    #[inline]
    fn renormalize(&mut self) {
        while self.range < MIN_RANGE {
            self.read_byte();
            self.range <<= 8;
        }
    }

    /// Returns whether the whole payload has been read.
    pub(super) fn is_done(&self) -> bool {
        self.read >= self.payload.len()
    }

    /// Returns whether every bit that follows is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.code == 0 && self.is_done()
    }

    /// Checks that bits still come from the payload or its implied zeros.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.code != 0 && self.read > self.payload.len() + MAX_IMPLIED_ZEROS {
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

    proptest! {
        #[test]
        fn round_trips_bits(bits in prop::collection::vec((1..TOTAL, any::<bool>()), 0..200)) {
            let mut payload = b"before".to_vec();
            let mut encoder = RangeEncoder::new(&mut payload);
            bits.iter().for_each(|&(zeros, bit)| encoder.encode(zeros, bit));
            encoder.finish();
            prop_assert_eq!(&payload[..6], b"before");
            let payload = &payload[6..];
            let share = |&(zeros, bit): &(u16, bool)| f64::from(if bit { TOTAL - zeros } else { zeros });
            let information: f64 = bits.iter().map(|bit| (f64::from(TOTAL) / share(bit)).log2()).sum();
            prop_assert!(payload.len() as f64 <= information * 1.001 / 8.0 + 1.1, "{} bytes", payload.len());
            let mut decoder = RangeDecoder::new(payload);
            for (zeros, bit) in bits {
                prop_assert_eq!(decoder.decode(zeros), bit);
            }
            prop_assert!(decoder.is_done() && decoder.check().is_ok());
        }
    }
}
