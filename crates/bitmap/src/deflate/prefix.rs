//! The bytes before the pixels, deflated once for all images.

use super::bits::BitWriter;
use super::block::{Block, Last};
use super::tokens::{MAX_MATCH, MIN_MATCH, Token};

/// A whole block of these bytes that is not the last, and its length in bits.
///
/// They are few: a literal for each, and matches at distance 1 for what is repeated.
pub(super) fn block(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut tokens = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, behind)) = rest.split_first() {
        tokens.push(Token::literal(byte));
        let run = behind.iter().take(MAX_MATCH).take_while(|&&next| next == byte).count();
        rest = behind;
        if run >= MIN_MATCH {
            tokens.push(Token::repeat(run, 1));
            rest = &behind[run..];
        }
    }
    let mut block = Vec::new();
    let mut out = BitWriter::new(&mut block);
    if !bytes.is_empty() {
        Block::of_bytes(&tokens).write(Last::No, &mut out);
    }
    let bits = out.align();
    (block, bits)
}
