//! From images to payloads.

use super::model::PixelModel;
use super::scan::{Row, Scan};
use super::shares::{Fixed, Shares};
use crate::codec::range_coder::RangeEncoder;
use crate::kernels::unpack_rows;
use crate::view::BitmapView;

/// Encodes images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Encoder {
    scan: Scan,
}

impl Encoder {
    /// Appends the payload of an image of one pixel or more.
    pub(in crate::codec) fn encode(
        &mut self,
        model: &PixelModel,
        image: BitmapView<'_>,
        payload: &mut Vec<u8>,
    ) {
        let scan = &mut self.scan;
        let mut bits = RangeEncoder::new(payload);
        scan.start(model, [image.height(), image.width()]);
        let mut above: Option<&[u8]> = None;
        for row in image.rows() {
            let is_same = match above.replace(row) {
                Some(above) => row == above,
                None => row.iter().all(|&byte| byte == 0),
            };
            let is_same = is_same && model.compares_rows();
            bits.encode(scan.differs(model), is_same);
            if is_same {
                scan.repeat();
                continue;
            }
            let Row { contexts, pixels, chances } = scan.start_row(model);
            unpack_rows(row, pixels.len(), 0, 1, pixels);
            match model.adaptation() {
                None => encode_row(model, Fixed, contexts, pixels, &mut bits),
                Some(adaptation) => {
                    encode_row(model, chances.adapting(&adaptation.steps), contexts, pixels, &mut bits);
                }
            }
            scan.finish_row();
        }
        bits.finish();
    }
}

/// Encodes the pixels of a row.
fn encode_row(
    model: &PixelModel,
    mut shares: impl Shares,
    contexts: &[u16],
    pixels: &[u8],
    bits: &mut RangeEncoder<'_>,
) {
    let mut left = 0;
    for (&context, &pixel) in contexts.iter().zip(pixels) {
        let entry = model.entry(context, left);
        bits.encode(shares.share(entry), pixel == 1);
        shares.add(entry, pixel == 1);
        left = left << 1 | pixel;
    }
}
