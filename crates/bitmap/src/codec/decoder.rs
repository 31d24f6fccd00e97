//! Decoding payloads into images.

use super::limits::MAX_SIDE;
use super::model::{Model, ModelTables};
use super::rows::{RowBuffer, RowSink};
use super::zstd::ZstdCodec;
use super::{contour, pixel};
use crate::bitmap::Bitmap;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::make_room;
use crate::view::{BitmapView, packed_len, stride};

/// Decodes images, each independently of all others; reuses its buffers from one to the next.
///
/// The time is linear in the pixels of the image and the bits of the payload, whatever the payload holds; a bit of a wide image may
/// take a row of words.
///
/// ```
/// use bitnpz_bitmap::codec::{Decoder, Encoder, Model};
/// use bitnpz_bitmap::Bitmap;
///
/// let model = Model::shipped("contour-2").unwrap();
/// let image = Bitmap::from_packed(2, 8, vec![0b0011_1000, 0b0111_1100])?;
/// let mut payload = Vec::new();
/// Encoder::new().encode(model, image.view(), &mut payload);
///
/// let mut decoder = Decoder::new();
/// let mut rows = Vec::new();
/// assert_eq!(decoder.decode_into(model, &payload, [2, 8], &mut rows)?, image.view());
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    contour: contour::Decoder,
    pixel: pixel::Decoder,
    zstd: ZstdCodec,
}

impl Decoder {
    /// Creates a decoder; its buffers grow with the images.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a payload into a new image; `size` is its height and width.
    ///
    /// # Errors
    ///
    /// If `payload` is not the payload of an image of this size, or if there is not enough memory for the image.
    pub fn decode(&mut self, model: &Model, payload: &[u8], size: [usize; 2]) -> Result<Bitmap> {
        let mut rows = Vec::new();
        self.decode_into(model, payload, size, &mut rows)?;
        Bitmap::from_packed(size[0], size[1], rows)
    }

    /// Decodes a payload into the caller's buffer; `size` is the image's height and width.
    ///
    /// # Errors
    ///
    /// If `payload` is not the payload of an image of this size, or if there is not enough memory for the image.
    pub fn decode_into<'r>(
        &mut self,
        model: &Model,
        payload: &[u8],
        size: [usize; 2],
        rows: &'r mut Vec<u8>,
    ) -> Result<BitmapView<'r>> {
        let [height, width] = size;
        let expected = check_size(model, payload, size)?;
        make_room(rows, expected)?;
        if payload.len() == expected {
            rows.extend_from_slice(payload);
            return BitmapView::new(height, width, rows);
        }
        rows.resize(expected, 0);
        match &model.tables {
            // A frame is decompressed as a whole, into `rows`.
            ModelTables::Zstd(dictionary) => {
                self.zstd.decode(dictionary, payload, rows).map_err(damaged)?;
                BitmapView::new(height, width, rows)
            }
            ModelTables::Contour(model) if expected > contour::LARGE => {
                self.contour.decode_rows(model, payload, size, &mut RowBuffer::new(rows, stride(width)))?;
                Ok(BitmapView::new_unchecked(height, width, rows))
            }
            ModelTables::Contour(model) => {
                self.contour
                    .decode(model, &mut [contour::Job { number: 0, payload, size, rows }])
                    .map_err(|(_, error)| error)?;
                Ok(BitmapView::new_unchecked(height, width, rows))
            }
            _ => {
                self.decode_rows(model, payload, size, &mut RowBuffer::new(rows, stride(width)))?;
                Ok(BitmapView::new_unchecked(height, width, rows))
            }
        }
    }

    /// Decodes payloads into the caller's buffer, and returns the images in their order; `size` is the height and width of
    /// all of them. Several images are decoded at once, which is faster than one by one.
    ///
    /// ```
    /// use bitnpz_bitmap::codec::{Decoder, Encoder, Model};
    /// use bitnpz_bitmap::Bitmap;
    ///
    /// let model = Model::shipped("contour-2").unwrap();
    /// let images = [[0b0011_1000, 0b0111_1100], [0, 0b0001_0000]];
    /// let mut payloads = [vec![], vec![]];
    /// for (rows, payload) in images.iter().zip(&mut payloads) {
    ///     Encoder::new().encode(model, Bitmap::from_packed(2, 8, rows.to_vec())?.view(), payload);
    /// }
    ///
    /// let mut rows = Vec::new();
    /// let payloads = payloads.each_ref().map(Vec::as_slice);
    /// let decoded = Decoder::new().decode_many(model, &payloads, [2, 8], &mut rows).unwrap();
    /// assert!(decoded.map(|image| image.as_bytes()).eq(images));
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`decode_into`](Self::decode_into), with the number of the payload that is to blame.
    pub fn decode_many<'r>(
        &mut self,
        model: &Model,
        payloads: &'r [&'r [u8]],
        size: [usize; 2],
        rows: &'r mut Vec<u8>,
    ) -> std::result::Result<impl ExactSizeIterator<Item = BitmapView<'r>> + use<'r>, (usize, Error)> {
        let [height, width] = size;
        let each = packed_len(height, width).map_err(|error| (0, error))?;
        for (number, payload) in payloads.iter().enumerate() {
            check_size(model, payload, size).map_err(|error| (number, error))?;
        }
        // A payload that is the packed rows is not copied.
        let is_rows = move |payload: &[u8]| payload.len() == each;
        let all = if payloads.iter().all(|payload| is_rows(payload)) { 0 } else { payloads.len() };
        let all = each.saturating_mul(all);
        make_room(rows, all).map_err(|error| (0, error))?;
        rows.resize(all, 0);
        let mut jobs = Vec::new();
        let mut image = Vec::new();
        for (number, payload) in payloads.iter().enumerate().filter(|(_, payload)| is_rows(payload)) {
            BitmapView::new(height, width, payload).map_err(|error| (number, error))?;
        }
        // Images without pixels have payloads without bytes.
        let images = payloads.iter().zip(rows.chunks_exact_mut(each.max(1))).enumerate();
        for (number, (payload, rows)) in images {
            if is_rows(payload) {
                continue;
            }
            if let ModelTables::Contour(_) = &model.tables {
                jobs.push(contour::Job { number, payload, size, rows });
            } else {
                let decoded = self.decode_into(model, payload, size, &mut image);
                rows.copy_from_slice(decoded.map_err(|error| (number, error))?.as_bytes());
            }
        }
        if let ModelTables::Contour(model) = &model.tables {
            self.contour.decode(model, &mut jobs)?;
        }
        let rows: &'r [u8] = rows;
        let image = move |number: usize| {
            let payload = payloads[number];
            let rows = if is_rows(payload) { payload } else { &rows[number * each..][..each] };
            BitmapView::new_unchecked(height, width, rows)
        };
        Ok((0..payloads.len()).map(image))
    }

    /// Decodes a payload row by row; `size` is the image's height and width.
    ///
    /// The codecs `contour` and `zstd` need memory for the whole image. Discard the rows that were passed on before an error.
    ///
    /// ```
    /// use bitnpz_bitmap::codec::{Decoder, Encoder, Model, OnesCounter};
    /// use bitnpz_bitmap::Bitmap;
    ///
    /// let model = Model::shipped("contour-2").unwrap();
    /// let image = Bitmap::from_packed(2, 8, vec![0b0011_1000, 0b0111_1100])?;
    /// let mut payload = Vec::new();
    /// Encoder::new().encode(model, image.view(), &mut payload);
    ///
    /// let mut counter = OnesCounter::new(8);
    /// Decoder::new().decode_rows(model, &payload, [2, 8], &mut counter)?;
    /// assert_eq!(counter.ones(), 8);
    /// # Ok::<(), bitnpz_bitmap::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`decode_into`](Self::decode_into).
    pub fn decode_rows(
        &mut self,
        model: &Model,
        payload: &[u8],
        size: [usize; 2],
        rows: &mut impl RowSink,
    ) -> Result<()> {
        let [height, width] = size;
        let expected = check_size(model, payload, size)?;
        if payload.len() == expected {
            rows.image(BitmapView::new(height, width, payload)?);
            return Ok(());
        }
        match &model.tables {
            ModelTables::Pixel(model) => self.pixel.decode(model, payload, size, rows).map_err(damaged),
            ModelTables::Contour(model) if expected > contour::LARGE => {
                self.contour.decode_rows(model, payload, size, rows)
            }
            ModelTables::Contour(_) | ModelTables::Zstd(_) => {
                let mut bytes = Vec::new();
                rows.image(self.decode_into(model, payload, size, &mut bytes)?);
                Ok(())
            }
            ModelTables::Raw => Err(ErrorKind::Length { expected, found: payload.len() }.into()),
        }
    }
}

fn damaged(message: &'static str) -> Error {
    ErrorKind::Payload { message }.into()
}

/// Checks that `payload` can belong to an image of this size, before any memory is allocated; returns the length of its
/// packed rows.
fn check_size(model: &Model, payload: &[u8], size: [usize; 2]) -> Result<usize> {
    let [height, width] = size;
    let expected = packed_len(height, width)?;
    let is_possible = match &model.tables {
        _ if payload.len() == expected => true,
        _ if payload.len() > expected || height.max(width) > MAX_SIDE => false,
        ModelTables::Zstd(_) => ZstdCodec::can_hold(payload, expected),
        ModelTables::Raw => false,
        ModelTables::Contour(_) | ModelTables::Pixel(_) => true,
    };
    if is_possible { Ok(expected) } else { Err(ErrorKind::Length { expected, found: payload.len() }.into()) }
}
