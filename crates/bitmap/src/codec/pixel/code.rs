//! From an image to its symbols, and from a payload to the image.

use super::model::Model;
use super::scan::{Coder, Scanner};
use crate::codec::range_coder::{RangeDecoder, RangeEncoder};
use crate::kernels::{pack_rows, unpack_rows};
use crate::view::BitmapView;

/// Codes images and decodes them; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct PixelCoder {
    scanner: Scanner,
    bytes: Vec<u8>,
}

impl PixelCoder {
    /// Appends the payload of an image of one pixel or more.
    pub(in crate::codec) fn encode(&mut self, model: &Model, image: BitmapView<'_>, payload: &mut Vec<u8>) {
        let mut teller = Teller { model, image, symbols: RangeEncoder::new(payload) };
        self.scanner.scan(model, [image.height(), image.width()], &mut teller);
        teller.symbols.finish();
    }

    /// Draws an image of one pixel or more into packed rows that are zero, or says what is wrong with the payload.
    pub(in crate::codec) fn decode(
        &mut self,
        model: &Model,
        payload: &[u8],
        [height, width]: [usize; 2],
        rows: &mut [u8],
    ) -> Result<(), &'static str> {
        let symbols = RangeDecoder::new(payload, &mut self.bytes);
        let mut pen = Pen { model, symbols, rows, stride: width.div_ceil(8) };
        self.scanner.scan(model, [height, width], &mut pen);
        if pen.symbols.is_done() { Ok(()) } else { Err("expected the end of the payload, found more of it") }
    }
}

/// Tells what comes next, from the image.
struct Teller<'a> {
    model: &'a Model,
    image: BitmapView<'a>,
    symbols: RangeEncoder<'a>,
}

impl Teller<'_> {
    fn packed(&self, row: usize) -> &[u8] {
        let stride = self.image.stride();
        &self.image.as_bytes()[row * stride..][..stride]
    }
}

impl Coder for Teller<'_> {
    fn same(&mut self, row: usize, context: u32) -> bool {
        let is_same = || match row.checked_sub(1) {
            Some(above) => self.packed(row) == self.packed(above),
            None => self.packed(row).iter().all(|&byte| byte == 0),
        };
        let same = self.model.compares_rows() && is_same();
        self.symbols.encode(self.model.same().distribution(context).share(same.into()));
        same
    }

    fn row(&mut self, row: usize, contexts: &[u32], pixels: &mut [u8]) {
        unpack_rows(self.packed(row), pixels.len(), 0, 1, pixels);
        let mut left = 0;
        for (&context, &mut pixel) in contexts.iter().zip(pixels) {
            let context = context + self.model.left(left);
            self.symbols.encode(self.model.pixels().distribution(context).share(pixel));
            left = left << 1 | pixel;
        }
    }
}

/// Tells what comes next, from the payload, and draws it.
struct Pen<'a> {
    model: &'a Model,
    symbols: RangeDecoder<'a>,
    rows: &'a mut [u8],
    stride: usize,
}

impl Coder for Pen<'_> {
    fn same(&mut self, row: usize, context: u32) -> bool {
        let same = self.model.same().distribution(context).decode_bit(&mut self.symbols) == 1;
        if let (true, Some(above)) = (same, row.checked_sub(1)) {
            self.rows.copy_within(above * self.stride..row * self.stride, row * self.stride);
        }
        same
    }

    fn row(&mut self, row: usize, contexts: &[u32], pixels: &mut [u8]) {
        let mut left = 0;
        for (&context, pixel) in contexts.iter().zip(&mut *pixels) {
            let context = context + self.model.left(left);
            *pixel = self.model.pixels().distribution(context).decode_bit(&mut self.symbols);
            left = left << 1 | *pixel;
        }
        let packed = &mut self.rows[row * self.stride..][..self.stride];
        pack_rows(pixels, pixels.len(), 0, 1, packed).expect("bits are 0 or 1");
    }
}
