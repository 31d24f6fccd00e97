//! From images to payloads.

use super::model::PixelModel;
use super::scan::Scan;
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
        scan.start([image.height(), image.width()]);
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
            let (contexts, pixels) = scan.start_row(model);
            unpack_rows(row, pixels.len(), 0, 1, pixels);
            let mut left = 0;
            for (&context, &mut pixel) in contexts.iter().zip(pixels) {
                bits.encode(model.share(context, left), pixel == 1);
                left = left << 1 | pixel;
            }
            scan.finish_row();
        }
        bits.finish();
    }
}
