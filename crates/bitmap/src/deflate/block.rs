//! One block: its codes and its bits (RFC 1951, 3.2.3).

use super::bits::BitWriter;
use super::codes::{Code, Codes};
use super::header::Header;
use super::tokens::{END_OF_BLOCK, Histogram, MIN_MATCH, Token};
use super::tokens::{distance_extra_bits, distance_symbol, length_extra_bits, length_symbol};

/// Whether a block ends the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    No,
    Yes,
}

/// A block of tokens whose literals are bits, ready to be written.
#[derive(Debug)]
pub(super) struct Block<'a> {
    tokens: &'a [Token],
    codes: Codes,
    /// What a block with its own codes starts with; those of other blocks are fixed.
    header: Option<Header>,
}

impl<'a> Block<'a> {
    /// A block with the smaller codes; `values` are those of literals, the first not over the second.
    pub(super) fn new(tokens: &'a [Token], values: [u8; 2]) -> Self {
        let histogram = Histogram::new(tokens);
        let (own, fixed) = (Codes::best(&histogram), Codes::fixed(values));
        let header = Header::new(&own, values);
        if header.price() + own.price(&histogram) < fixed.price(&histogram) {
            Self { tokens, codes: own, header: Some(header) }
        } else {
            Self { tokens, codes: fixed, header: None }
        }
    }

    /// Whether its codes are the fixed ones.
    pub(super) fn is_fixed(&self) -> bool {
        self.header.is_none()
    }

    pub(super) fn write(&self, last: Last, out: &mut BitWriter<'_>) {
        put_start(last, self.is_fixed(), out);
        self.write_rest(out);
    }

    /// All but what says where the stream ends and which codes come.
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

/// What says where a stream ends and which codes come.
pub(super) fn put_start(last: Last, is_fixed: bool, out: &mut BitWriter<'_>) {
    out.put(u32::from(last == Last::Yes), 1);
    out.put(if is_fixed { 1 } else { 2 }, 2);
}

pub(super) fn put_code(code: Code, out: &mut BitWriter<'_>) {
    out.put(code.bits.into(), code.length.into());
}

pub(super) fn put_match(token: Token, codes: &Codes, out: &mut BitWriter<'_>) {
    let symbol = length_symbol(token.length());
    let (code, extra) = (codes.symbols[symbol], length_extra_bits(symbol));
    let above = (token.length() - MIN_MATCH) as u32 & ((1 << extra) - 1);
    out.put(u32::from(code.bits) | above << code.length, u32::from(code.length) + extra);
    let symbol = distance_symbol(token.distance());
    let (code, extra) = (codes.distances[symbol], distance_extra_bits(symbol));
    let above = (token.distance() - 1) as u32 & ((1 << extra) - 1);
    out.put(u32::from(code.bits) | above << code.length, u32::from(code.length) + extra);
}
