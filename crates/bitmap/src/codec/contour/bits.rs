//! Writing and reading bits, the first one the least significant of its byte (as in RFC 1951).

use super::fault::Fault;

/// The number of zero bytes behind a payload that a decoder reads as if they were there.
///
/// The bound keeps the time of decoding linear in the length of the payload.
pub(super) const MAX_IMPLIED_ZEROS: usize = 8;

/// Writes bits behind those of a payload.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    payload: &'a mut Vec<u8>,
    start: usize,
    /// The bits that are not in the payload yet, in the lowest bits.
    word: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(payload: &'a mut Vec<u8>) -> Self {
        Self { start: payload.len(), payload, word: 0, count: 0 }
    }

    /// Writes the lowest `count` bits of a number, at most 32; the others are zero.
    #[inline]
    pub(super) fn write(&mut self, number: u32, count: u32) {
        self.word |= u64::from(number) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.payload.extend_from_slice(&(self.word as u32).to_le_bytes());
            self.word >>= 32;
            self.count -= 32;
        }
    }

    /// Pads the last byte with zeros, and drops the zero bytes at the end that a decoder implies.
    pub(super) fn finish(self) {
        let bytes = self.count.div_ceil(8) as usize;
        self.payload.extend_from_slice(&self.word.to_le_bytes()[..bytes]);
        let least = self.payload.len().saturating_sub(MAX_IMPLIED_ZEROS).max(self.start);
        while self.payload.len() > least && self.payload.ends_with(&[0]) {
            self.payload.pop();
        }
    }
}

/// Reads the bits of a payload, and zeros behind it.
#[derive(Debug, Default)]
pub(super) struct BitReader {
    /// The payload and zeros behind it.
    bytes: Vec<u8>,
    position: usize,
    /// The length of the payload in bits.
    len: usize,
}

impl BitReader {
    /// Starts at the first bit of a payload.
    pub(super) fn start(&mut self, payload: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(payload);
        self.bytes.extend_from_slice(&[0; 8]);
        self.position = 0;
        self.len = 8 * payload.len();
    }

    /// Gives up the memory for a payload that is larger than this.
    pub(super) fn shrink(&mut self, most: usize) {
        if self.bytes.capacity() > most {
            self.bytes = Vec::new();
        }
    }

    /// Returns the next 57 bits or more, in the lowest bits.
    #[inline]
    pub(super) fn peek(&self) -> u64 {
        let start = self.position / 8;
        let bytes = self.bytes.get(start..start + 8).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes)) >> (self.position % 8)
    }

    #[inline]
    pub(super) fn skip(&mut self, bits: u32) {
        self.position += bits as usize;
    }

    /// Reads a number of so many bits, at most 32.
    #[inline]
    pub(super) fn read(&mut self, bits: u32) -> u32 {
        let number = self.peek() & ((1 << bits) - 1);
        self.skip(bits);
        number as u32
    }

    /// Checks that no more bits were read than a payload implies.
    #[inline]
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.position <= self.len + 8 * MAX_IMPLIED_ZEROS { Ok(()) } else { Err(Fault::PayloadEnds) }
    }

    /// Checks that all bits were read, but for those that fill the last byte.
    #[inline]
    pub(super) fn finish(&self) -> Result<(), Fault> {
        self.check()?;
        if self.position + 7 >= self.len && self.peek() == 0 { Ok(()) } else { Err(Fault::PayloadGoesOn) }
    }
}
