//! From payloads to images.

use super::MAX_SIDE;
use super::contour;
use super::model::{Model, Tables};
use super::pixel::PixelCoder;
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
    pub fn decode(&mut self, model: &Model, payload: &[u8], height: usize, width: usize) -> Result<Bitmap> {
        let mut rows = vec![0; packed_len(height, width)?];
        self.decode_into(model, payload, [height, width], &mut rows)?;
        Bitmap::from_packed(height, width, rows)
    }

    /// Puts the packed rows of a payload's image into the caller's bytes. If that fails, they hold anything.
    ///
    /// # Errors
    ///
    /// If it is not the payload of an image of this size, or there are more or fewer bytes than its packed rows have.
    pub fn decode_into(
        &mut self,
        model: &Model,
        payload: &[u8],
        [height, width]: [usize; 2],
        rows: &mut [u8],
    ) -> Result<()> {
        let expected = packed_len(height, width)?;
        if rows.len() != expected {
            return Err(ErrorKind::Length { expected, found: rows.len() }.into());
        }
        if payload.len() == expected {
            BitmapView::new(height, width, payload)?;
            rows.copy_from_slice(payload);
            return Ok(());
        }
        let is_possible = payload.len() < expected && height.max(width) <= MAX_SIDE;
        let size = [height, width];
        rows.fill(0);
        let decoded = match &model.tables {
            Tables::Contour(model) if is_possible => self.contour.decode(model, payload, size, rows),
            Tables::Pixel(model) if is_possible => self.pixel.decode(model, payload, size, rows),
            _ => return Err(ErrorKind::Length { expected, found: payload.len() }.into()),
        };
        decoded.map_err(|message| ErrorKind::Payload { message }.into())
    }
}
