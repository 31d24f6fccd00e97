//! Writing bits into bytes, least significant bit first (RFC 1951, 3.1.1).

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

    /// Appends the first `count` bits of `bytes`; the rest of its last byte is zero.
    pub(super) fn put_bytes(&mut self, bytes: &[u8], count: usize) {
        let whole = count / 8;
        if self.count == 0 {
            self.out.extend_from_slice(&bytes[..whole]);
        } else {
            for &byte in &bytes[..whole] {
                self.put(u32::from(byte), 8);
            }
        }
        if !count.is_multiple_of(8) {
            self.put(u32::from(bytes[whole]), (count % 8) as u32);
        }
    }

    /// Fills the last byte with zero bits; returns the number of bits before that.
    pub(super) fn align(self) -> usize {
        let whole = self.count.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.pending.to_le_bytes()[..whole]);
        (self.out.len() - self.start - whole) * 8 + self.count as usize
    }
}
