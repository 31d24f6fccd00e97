//! From payloads to images.

use super::model::PixelModel;
use super::scan::{Row, Scan};
use super::shares::{Fixed, Shares};
use crate::codec::range_coder::RangeDecoder;
use crate::codec::rows::{self, RowSink};
use crate::kernels::pack_rows;

/// Decodes images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Decoder {
    scan: Scan,
}

impl Decoder {
    /// Decodes the rows of an image of one pixel or more, or says what is wrong with the payload.
    pub(in crate::codec) fn decode(
        &mut self,
        model: &PixelModel,
        payload: &[u8],
        size: [usize; 2],
        rows: &mut impl RowSink,
    ) -> Result<(), &'static str> {
        let scan = &mut self.scan;
        let mut bits = RangeDecoder::new(payload);
        scan.start(model, size);
        while scan.rows_left() > 0 {
            bits.check()?;
            if bits.is_zero() {
                // Only zeros follow: no row is the same as the one above, and no pixel is set.
                rows::blank(rows, scan.rows_left());
                break;
            }
            if bits.decode(scan.differs(model)) {
                scan.repeat();
                rows.repeat(1);
                continue;
            }
            let Row { contexts, pixels, chances } = scan.start_row(model);
            bits = match model.adaptation() {
                None => decode_row(model, Fixed, bits, contexts, pixels),
                Some(adaptation) => {
                    decode_row(model, chances.adapting(&adaptation.steps), bits, contexts, pixels)
                }
            };
            let pixels = scan.finish_row();
            rows.row(|packed| pack_rows(pixels, pixels.len(), 0, 1, packed).expect("bits are 0 or 1"));
        }
        if bits.is_done() { Ok(()) } else { Err("expected the end of the payload, found more of it") }
    }
}

/// Decodes the pixels of a row and returns the decoder, which meanwhile is in registers.
fn decode_row<'a>(
    model: &PixelModel,
    mut shares: impl Shares,
    mut bits: RangeDecoder<'a>,
    contexts: &[u16],
    pixels: &mut [u8],
) -> RangeDecoder<'a> {
    pixels.fill(0);
    let mut left = 0;
    for (&context, pixel) in contexts.iter().zip(pixels) {
        let entry = model.entry(context, left);
        // Not `left << 1 | bit`, which would wait for the bit.
        left <<= 1;
        if bits.decode(shares.share(entry)) {
            shares.add(entry, true);
            left |= 1;
            *pixel = 1;
        } else {
            shares.add(entry, false);
        }
    }
    bits
}
