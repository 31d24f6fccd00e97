//! From payloads to images.

use super::MAX_SIDE;
use super::contour;
use super::model::{Model, Tables};
use super::pixel::PixelCoder;
use super::rows::{Drawing, Rows};
use super::zstd::ZstdCoder;
use crate::bitmap::Bitmap;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::make_room;
use crate::view::{BitmapView, packed_len, stride};

/// Takes images out of payloads; keeps its memory from one to the next.
///
/// Its time is linear in the bytes of the payload and the pixels asked for, whatever the payload holds.
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
    /// If it is not the payload of an image of this size, or if the memory for it is not there.
    pub fn decode_into<'r>(
        &mut self,
        model: &Model,
        payload: &[u8],
        size: [usize; 2],
        rows: &'r mut Vec<u8>,
    ) -> Result<BitmapView<'r>> {
        let [height, width] = size;
        let expected = check(model, payload, size)?;
        make_room(rows, expected)?;
        if payload.len() == expected {
            rows.extend_from_slice(payload);
            return BitmapView::new(height, width, rows);
        }
        rows.resize(expected, 0);
        match &model.tables {
            // A frame is put where it belongs at once.
            Tables::Zstd(dictionary) => {
                self.zstd.decode(dictionary, payload, rows).map_err(damaged)?;
                BitmapView::new(height, width, rows)
            }
            _ => {
                self.decode_rows(model, payload, size, &mut Drawing::new(rows, stride(width)))?;
                Ok(BitmapView::new_unchecked(height, width, rows))
            }
        }
    }

    /// Gives the rows of an image, its height and width given, to what takes them, and needs no memory for all of them but
    /// where the codec is `zstd`. What was taken before an error is a part of nothing.
    ///
    /// # Errors
    ///
    /// As [`decode_into`](Self::decode_into).
    pub fn decode_rows(
        &mut self,
        model: &Model,
        payload: &[u8],
        size: [usize; 2],
        rows: &mut impl Rows,
    ) -> Result<()> {
        let [height, width] = size;
        let expected = check(model, payload, size)?;
        if payload.len() == expected {
            rows.image(BitmapView::new(height, width, payload)?);
            return Ok(());
        }
        match &model.tables {
            Tables::Contour(model) => self.contour.decode(model, payload, size, rows).map_err(damaged),
            Tables::Pixel(model) => self.pixel.decode(model, payload, size, rows).map_err(damaged),
            Tables::Zstd(_) => {
                let mut bytes = Vec::new();
                rows.image(self.decode_into(model, payload, size, &mut bytes)?);
                Ok(())
            }
            Tables::Raw => Err(ErrorKind::Length { expected, found: payload.len() }.into()),
        }
    }
}

fn damaged(message: &'static str) -> Error {
    ErrorKind::Payload { message }.into()
}

/// The bytes of the packed rows of an image of this size, if this can be its payload: asked before any memory is.
fn check(model: &Model, payload: &[u8], size: [usize; 2]) -> Result<usize> {
    let [height, width] = size;
    let expected = packed_len(height, width)?;
    let is_possible = match &model.tables {
        _ if payload.len() == expected => true,
        _ if payload.len() > expected || height.max(width) > MAX_SIDE => false,
        Tables::Zstd(_) => ZstdCoder::can_hold(payload, expected),
        Tables::Raw => false,
        Tables::Contour(_) | Tables::Pixel(_) => true,
    };
    if is_possible { Ok(expected) } else { Err(ErrorKind::Length { expected, found: payload.len() }.into()) }
}
