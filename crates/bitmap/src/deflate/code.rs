//! The code of one symbol.

/// The bits that a symbol is written as, the first of them lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Code {
    pub(super) bits: u16,
    /// The number of bits; 0 if the symbol has no code.
    pub(super) length: u8,
}

impl Code {
    /// Returns the code of bits whose first is highest, as the RFC lists them.
    pub(super) const fn reversed(bits: u16, length: u8) -> Self {
        Self { bits: bits.reverse_bits() >> (16 - length), length }
    }
}
