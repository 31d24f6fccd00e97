//! From an image to its payload.

use super::alphabet::Alphabet;
use super::bits::BitWriter;
use super::event::Event;
use super::matching::Costs;
use super::model::Model;
use super::scan::{Scanner, SymbolSink};
use super::symbol_codes::SymbolCodes;
use super::walk::Segment;
use crate::codec::effort::Effort;
use crate::view::BitmapView;

/// Encodes images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Encoder {
    scanner: Scanner,
    other: Vec<u8>,
}

impl Encoder {
    /// Appends the payload of an image of one pixel or more: its packed rows if it has too many edges.
    pub(in crate::codec) fn encode(
        &mut self,
        model: &Model,
        image: BitmapView<'_>,
        effort: Effort,
        payload: &mut Vec<u8>,
    ) {
        let start = payload.len();
        if !self.encode_at(&Costs::DEFAULT, model, image, payload) {
            payload.extend_from_slice(image.as_bytes());
        } else if effort == Effort::Smallest {
            let mut other = std::mem::take(&mut self.other);
            for costs in &Costs::OTHERS {
                other.clear();
                if self.encode_at(costs, model, image, &mut other) && other.len() < payload.len() - start {
                    payload.truncate(start);
                    payload.extend_from_slice(&other);
                }
            }
            self.other = other;
        }
    }

    /// Appends a payload for which edges are matched at these costs; returns false if the image has too many edges.
    fn encode_at(
        &mut self,
        costs: &Costs,
        model: &Model,
        image: BitmapView<'_>,
        payload: &mut Vec<u8>,
    ) -> bool {
        let mut sink = PayloadSink { model, codes: model.codes(), writer: BitWriter::new(payload) };
        let is_done = self.scanner.scan(image, costs, &mut sink);
        if is_done {
            sink.writer.finish();
        }
        is_done
    }
}

/// Writes symbols to a payload.
struct PayloadSink<'a> {
    model: &'a Model,
    codes: &'a [SymbolCodes],
    writer: BitWriter<'a>,
}

impl PayloadSink<'_> {
    fn write(&mut self, alphabet: Alphabet, code: u16, symbol: usize) {
        let codes = &self.codes[alphabet as usize];
        let code = &codes.codes[usize::from(code)];
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
}

impl SymbolSink for PayloadSink<'_> {
    fn event(&mut self, segment: &Segment, event: Event) {
        let code = segment.event_code(&self.model.tables);
        self.write(Alphabet::Event, code, event.symbol().into());
    }

    fn symbol(&mut self, alphabet: Alphabet, [a, b, c, d]: [u8; 4], symbol: usize) {
        let code = self.model.parts[alphabet as usize].tree.code(&[a, b, c, d, 0, 0, 0, 0]);
        self.write(alphabet, code, symbol);
    }

    fn bits(&mut self, number: u32, count: u32) {
        self.writer.write(number, count);
    }
}
