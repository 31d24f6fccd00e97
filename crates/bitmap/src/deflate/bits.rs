//! Writing bits into bytes, least significant bit first (RFC 1951, 3.1.1).

/// Bits that were written, of any number.
#[derive(Debug, Default)]
pub(super) struct Bits {
    /// The unused bits of the last byte are zero.
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    /// Returns the bits that `write` writes.
    pub(super) fn of(write: impl FnOnce(&mut BitWriter<'_>)) -> Self {
        let mut bytes = Vec::new();
        let mut out = BitWriter::new(&mut bytes);
        write(&mut out);
        let count = out.align();
        Self { bytes, count }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Appends bits to a byte vector.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The offset of the first bits in `out`.
    start: usize,
    pending: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    /// Creates a writer that appends to `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { start: out.len(), out, pending: 0, count: 0 }
    }

    /// Appends the low `count` bits of `bits`, at most 32; the bits above them are zero.
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        debug_assert!(count <= 32 && u64::from(bits) >> count == 0);
        self.pending |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            let [a, b, c, d, ..] = self.pending.to_le_bytes();
            self.out.extend_from_slice(&[a, b, c, d]);
            self.pending >>= 32;
            self.count -= 32;
        }
    }

    /// Appends all of these bits.
    pub(super) fn put_all(&mut self, bits: &Bits) {
        let (bytes, last) = bits.bytes.split_at(bits.count / 8);
        if self.count == 0 {
            self.out.extend_from_slice(bytes);
        } else {
            let (words, rest) = bytes.as_chunks();
            words.iter().for_each(|&word| self.put(u32::from_le_bytes(word), 32));
            rest.iter().for_each(|&byte| self.put(byte.into(), 8));
        }
        if let [last] = *last {
            self.put(last.into(), (bits.count % 8) as u32);
        }
    }

    /// Fills the last byte with zero bits; returns the number of bits before that.
    pub(super) fn align(self) -> usize {
        let whole = self.count.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.pending.to_le_bytes()[..whole]);
        (self.out.len() - self.start - whole) * 8 + self.count as usize
    }
}
