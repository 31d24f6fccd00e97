//! Encoding and decoding with a model of pixels.

use std::convert::Infallible;

use super::model::PixelModel;
use super::scan::{RowCodec, Scanner};
use crate::codec::entropy::{RangeDecoder, RangeEncoder};
use crate::codec::rows::{self, RowSink};
use crate::kernels::{pack_rows, unpack_rows};
use crate::view::BitmapView;

/// Encodes and decodes images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct PixelCodec {
    scanner: Scanner,
    bytes: Vec<u8>,
}

impl PixelCodec {
    /// Appends the payload of an image of one pixel or more.
    pub(in crate::codec) fn encode(
        &mut self,
        model: &PixelModel,
        image: BitmapView<'_>,
        payload: &mut Vec<u8>,
    ) {
        let mut encoder = RowEncoder { model, image, symbols: RangeEncoder::new(payload) };
        let Ok(()) = self.scanner.scan(model, [image.height(), image.width()], &mut encoder);
        encoder.symbols.finish();
    }

    /// Decodes the rows of an image of one pixel or more, or says what is wrong with the payload.
    pub(in crate::codec) fn decode(
        &mut self,
        model: &PixelModel,
        payload: &[u8],
        [height, width]: [usize; 2],
        rows: &mut impl RowSink,
    ) -> Result<(), &'static str> {
        let symbols = RangeDecoder::new(payload, &mut self.bytes);
        let mut decoder = RowDecoder { model, symbols, rows };
        self.scanner.scan(model, [height, width], &mut decoder)?;
        if decoder.symbols.is_done() {
            Ok(())
        } else {
            Err("expected the end of the payload, found more of it")
        }
    }
}

/// Encodes the rows of an image.
struct RowEncoder<'a> {
    model: &'a PixelModel,
    image: BitmapView<'a>,
    symbols: RangeEncoder<'a>,
}

impl RowEncoder<'_> {
    fn packed(&self, row: usize) -> &[u8] {
        let stride = self.image.stride();
        &self.image.as_bytes()[row * stride..][..stride]
    }
}

impl RowCodec for RowEncoder<'_> {
    type Error = Infallible;

    fn is_over(&mut self, _rows: usize) -> Result<bool, Infallible> {
        Ok(false)
    }

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

/// Decodes the rows of an image.
struct RowDecoder<'a, R> {
    model: &'a PixelModel,
    symbols: RangeDecoder<'a>,
    rows: &'a mut R,
}

impl<R: RowSink> RowCodec for RowDecoder<'_, R> {
    type Error = &'static str;

    fn is_over(&mut self, rows: usize) -> Result<bool, &'static str> {
        self.symbols.check()?;
        let is_over = self.symbols.is_zero();
        if is_over {
            // Only first symbols follow: no row is the same as the one above, and no pixel is set.
            rows::blank(self.rows, rows);
        }
        Ok(is_over)
    }

    fn same(&mut self, _row: usize, context: u32) -> bool {
        let same = self.model.same().distribution(context).decode_bit(&mut self.symbols) == 1;
        if same {
            self.rows.repeat(1);
        }
        same
    }

    fn row(&mut self, _row: usize, contexts: &[u32], pixels: &mut [u8]) {
        let mut left = 0;
        for (&context, pixel) in contexts.iter().zip(&mut *pixels) {
            let context = context + self.model.left(left);
            *pixel = self.model.pixels().distribution(context).decode_bit(&mut self.symbols);
            left = left << 1 | *pixel;
        }
        self.rows.row(|packed| pack_rows(pixels, pixels.len(), 0, 1, packed).expect("bits are 0 or 1"));
    }
}
