//! Adaptive binary coding, for models: each bit is coded with the share that it had so far in its context.

use crate::codec::range_coder::{RangeDecoder, RangeEncoder, TOTAL};

/// What is wrong with a model.
pub(super) type Fault = &'static str;

/// How often a bit was zero in a context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    zeros: u16,
    all: u16,
}

impl Default for Estimate {
    fn default() -> Self {
        Self { zeros: 1, all: 2 }
    }
}

/// A bit counts as so many: an estimate starts with one of each value.
const WEIGHT: u16 = 2;
/// Counts are halved at this sum.
const MAX_COUNT: u16 = 1024;

impl Estimate {
    /// Returns the share of 0.
    fn share(self) -> u16 {
        let total = u32::from(TOTAL);
        (u32::from(self.zeros) * total / u32::from(self.all)).clamp(1, total - 1) as u16
    }

    fn update(&mut self, bit: bool) {
        if self.all >= MAX_COUNT {
            self.zeros = (self.zeros / 2).max(1);
            self.all = (self.all / 2).max(2);
        }
        self.all += WEIGHT;
        if !bit {
            self.zeros += WEIGHT;
        }
    }
}

/// One direction of coding bits: an encoder writes what it is told, a decoder returns what it reads.
pub(super) trait BitCoder {
    /// Codes a bit in a context.
    fn bit(&mut self, estimate: &mut Estimate, known: bool) -> Result<bool, Fault>;

    /// Codes one of `count` numbers that are equally likely.
    fn below(&mut self, count: usize, known: usize) -> Result<usize, Fault> {
        let mut number = 0;
        for shift in (0..usize::BITS - count.saturating_sub(1).leading_zeros()).rev() {
            let bit = self.bit(&mut Estimate::default(), known >> shift & 1 == 1)?;
            number = number << 1 | usize::from(bit);
        }
        if number < count {
            Ok(number)
        } else {
            Err("expected the number of an earlier code, found a larger one")
        }
    }
}

/// Contexts of numbers of N bits: each bit in the context of those before it.
#[derive(Clone, Debug)]
pub(super) struct BitTree<const N: usize>(Vec<Estimate>);

impl<const N: usize> Default for BitTree<N> {
    fn default() -> Self {
        Self(vec![Estimate::default(); 1 << N])
    }
}

impl<const N: usize> BitTree<N> {
    pub(super) fn code(&mut self, known: usize, coder: &mut impl BitCoder) -> Result<usize, Fault> {
        let mut node = 1;
        for shift in (0..N).rev() {
            node = node << 1 | usize::from(coder.bit(&mut self.0[node], known >> shift & 1 == 1)?);
        }
        Ok(node - (1 << N))
    }
}

/// Writes bits.
#[derive(Debug)]
pub(super) struct BitEncoder<'a>(RangeEncoder<'a>);

impl<'a> BitEncoder<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self(RangeEncoder::new(bytes))
    }

    pub(super) fn finish(self) {
        self.0.finish();
    }
}

impl BitCoder for BitEncoder<'_> {
    fn bit(&mut self, estimate: &mut Estimate, known: bool) -> Result<bool, Fault> {
        self.0.encode(estimate.share(), known);
        estimate.update(known);
        Ok(known)
    }
}

/// Reads bits.
#[derive(Debug)]
pub(super) struct BitDecoder<'a>(RangeDecoder<'a>);

impl<'a> BitDecoder<'a> {
    /// Creates a decoder of these bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(RangeDecoder::new(bytes))
    }

    /// Checks that all bytes were read, and no more.
    pub(super) fn finish(self) -> Result<(), Fault> {
        self.0.check().map_err(|_| "expected more bytes, found the end of the model")?;
        if self.0.is_done() { Ok(()) } else { Err("expected the end of the model, found more bytes") }
    }
}

impl BitCoder for BitDecoder<'_> {
    fn bit(&mut self, estimate: &mut Estimate, _known: bool) -> Result<bool, Fault> {
        let bit = self.0.decode(estimate.share());
        estimate.update(bit);
        Ok(bit)
    }
}
