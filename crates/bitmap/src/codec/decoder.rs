//! From payloads to images.

use super::MAX_SIDE;
use super::contour;
use super::model::{Model, Tables};
use super::pixel::PixelCoder;
use super::zstd::ZstdCoder;
use crate::bitmap::Bitmap;
use crate::error::{ErrorKind, Result};
use crate::view::{BitmapView, packed_len};

/// Takes images out of payloads; keeps its memory from one to the next.
///
/// Its time is linear in the pixels asked for, whatever the payload holds.
#[derive(Debug, Default)]
pub struct Decoder {
    contour: contour::Decoder,
    pixel: PixelCoder,
    zstd: ZstdCoder,
}

impl Decoder {
    /// A decoder without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The image of a payload.
    ///
    /// # Errors
    ///
    /// If it is not the payload of an image of this size.
    pub fn decode(&mut self, model: &Model, payload: &[u8], size: [usize; 2]) -> Result<Bitmap> {
        let mut rows = Vec::new();
        self.decode_into(model, payload, size, &mut rows)?;
        Bitmap::from_packed(size[0], size[1], rows)
    }

    /// The image of a payload, its height and width given, in the caller's buffer.
    ///
    /// # Errors
    ///
    /// If it is not the payload of an image of this size.
    pub fn decode_into<'r>(
        &mut self,
        model: &Model,
        payload: &[u8],
        size: [usize; 2],
        rows: &'r mut Vec<u8>,
    ) -> Result<BitmapView<'r>> {
        let [height, width] = size;
        let expected = packed_len(height, width)?;
        rows.clear();
        if payload.len() == expected {
            rows.extend_from_slice(payload);
            return BitmapView::new(height, width, rows);
        }
        let is_possible = height.max(width) <= MAX_SIDE || matches!(model.tables, Tables::Zstd(_));
        if payload.len() > expected || !is_possible {
            return Err(ErrorKind::Length { expected, found: payload.len() }.into());
        }
        rows.resize(expected, 0);
        let decoded = match &model.tables {
            Tables::Contour(model) => self.contour.decode(model, payload, size, rows),
            Tables::Pixel(model) => self.pixel.decode(model, payload, size, rows),
            Tables::Zstd(dictionary) => self.zstd.decode(dictionary, payload, rows),
            Tables::Raw => return Err(ErrorKind::Length { expected, found: payload.len() }.into()),
        };
        match decoded {
            // Only frames can hold bits behind the last pixels.
            Ok(()) if matches!(model.tables, Tables::Zstd(_)) => BitmapView::new(height, width, rows),
            Ok(()) => Ok(BitmapView::new_unchecked(height, width, rows)),
            Err(message) => Err(ErrorKind::Payload { message }.into()),
        }
    }
}
