//! Blocks: their codes and their bits (RFC 1951, 3.2.3).

use super::bits::BitWriter;
use super::block_codes::BlockCodes;
use super::code::Code;
use super::header::BlockHeader;
use super::tokens::{END_OF_BLOCK, Histogram, MIN_MATCH, Token};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// Whether a block is the last of its stream (`BFINAL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastBlock {
    No,
    Yes,
}

/// The type of a block (`BTYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockType {
    FixedCodes = 1,
    DynamicCodes = 2,
}

/// A block of tokens whose literals are the bits 0 and 1, ready to be written.
#[derive(Debug)]
pub(super) struct TokenBlock<'a> {
    tokens: &'a [Token],
    codes: BlockCodes,
    /// The header of dynamic codes; `None` for fixed codes.
    header: Option<BlockHeader>,
}

impl<'a> TokenBlock<'a> {
    /// Creates a block with fixed or dynamic codes, whichever take fewer bits.
    ///
    /// `values` are the bytes of the two literals, the smaller first.
    pub(super) fn new(tokens: &'a [Token], values: [u8; 2]) -> Self {
        let histogram = Histogram::new(tokens);
        let (dynamic, fixed) = (BlockCodes::dynamic(&histogram), BlockCodes::fixed(values));
        let header = BlockHeader::new(&dynamic, values);
        if header.price() + dynamic.price(&histogram) < fixed.price(&histogram) {
            Self { tokens, codes: dynamic, header: Some(header) }
        } else {
            Self { tokens, codes: fixed, header: None }
        }
    }

    /// Returns the block's type.
    pub(super) fn block_type(&self) -> BlockType {
        if self.header.is_some() { BlockType::DynamicCodes } else { BlockType::FixedCodes }
    }

    /// Writes the block.
    pub(super) fn write(&self, last: LastBlock, out: &mut BitWriter<'_>) {
        put_start(last, self.block_type(), out);
        self.write_rest(out);
    }

    /// Writes the block without its first three bits, those of [`put_start`].
    pub(super) fn write_rest(&self, out: &mut BitWriter<'_>) {
        if let Some(header) = &self.header {
            header.write(out);
        }
        for token in self.tokens {
            match token.as_literal() {
                Some(bit) => put_code(self.codes.symbols[usize::from(bit)], out),
                None => put_match(*token, &self.codes, out),
            }
        }
        put_code(self.codes.symbols[END_OF_BLOCK], out);
    }
}

/// Writes the first three bits of a block.
pub(super) fn put_start(last: LastBlock, block_type: BlockType, out: &mut BitWriter<'_>) {
    out.put(u32::from(last == LastBlock::Yes), 1);
    out.put(block_type as u32, 2);
}

/// Writes the code of a literal or of the end of the block.
pub(super) fn put_code(code: Code, out: &mut BitWriter<'_>) {
    out.put(code.bits.into(), code.length.into());
}

/// Writes the codes and the extra bits of a match.
pub(super) fn put_match(token: Token, codes: &BlockCodes, out: &mut BitWriter<'_>) {
    let symbol = length_symbol(token.length());
    let (code, extra) = (codes.symbols[symbol], length_extra_bits(symbol));
    let above = (token.length() - MIN_MATCH) as u32 & ((1 << extra) - 1);
    out.put(u32::from(code.bits) | above << code.length, u32::from(code.length) + extra);
    let symbol = distance_symbol(token.distance());
    let (code, extra) = (codes.distances[symbol], distance_extra_bits(symbol));
    let above = (token.distance() - 1) as u32 & ((1 << extra) - 1);
    out.put(u32::from(code.bits) | above << code.length, u32::from(code.length) + extra);
}
