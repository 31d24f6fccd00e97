//! From an image to its payload.

use super::alphabet::{Alphabet, Features};
use super::bits::BitWriter;
use super::matching::Costs;
use super::model::Model;
use super::scan::{Scanner, SymbolSink};
use super::symbol_codes::SymbolCodes;
use crate::view::BitmapView;

/// Encodes images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Encoder {
    scanner: Scanner,
}

impl Encoder {
    /// Appends the payload of an image of one pixel or more: its packed rows if it has too many edges.
    pub(in crate::codec) fn encode(&mut self, model: &Model, image: BitmapView<'_>, payload: &mut Vec<u8>) {
        let mut sink = PayloadSink { model, codes: model.codes(), writer: BitWriter::new(payload) };
        if self.scanner.scan(image, &Costs::DEFAULT, &mut sink) {
            sink.writer.finish();
        } else {
            payload.extend_from_slice(image.as_bytes());
        }
    }
}

/// Writes symbols to a payload.
struct PayloadSink<'a> {
    model: &'a Model,
    codes: &'a [SymbolCodes],
    writer: BitWriter<'a>,
}

impl SymbolSink for PayloadSink<'_> {
    fn symbol(&mut self, alphabet: Alphabet, features: &Features, symbol: usize) {
        let codes = &self.codes[alphabet as usize];
        let code = &codes.codes[usize::from(self.model.parts[alphabet as usize].tree.code(features))];
        match code[symbol] {
            (_, 0) => {
                let (bits, length) = code[alphabet.symbols()];
                self.writer.write(bits.into(), length.into());
                let (bits, length) = codes.common[symbol];
                self.writer.write(bits.into(), length.into());
            }
            (bits, length) => self.writer.write(bits.into(), length.into()),
        }
    }

    fn bits(&mut self, number: u32, count: u32) {
        self.writer.write(number, count);
    }
}
