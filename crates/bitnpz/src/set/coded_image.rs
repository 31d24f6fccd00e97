//! Images that were found, of one set or several, decoded together.

use std::borrow::Cow;
use std::cell::Cell;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Decoder, Model};

use super::block_checks::{BlockChecks, ImagePlace};
use super::segment::Segment;
use crate::error::{Error, Result};

/// The buffer of rows is kept for the next image up to this size, so that one large image does not hold memory for good.
const MAX_KEPT_BUFFER: usize = 1 << 20;

/// The decoder of a thread, and its buffer for rows.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) decoder: Decoder,
    pub(super) rows: Vec<u8>,
}

thread_local! {
    /// Taken while it is used, so that callbacks can decode images too.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

pub(super) fn with_scratch<R>(with: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = with(&mut scratch);
    if scratch.rows.capacity() > MAX_KEPT_BUFFER {
        scratch.rows = Vec::new();
    }
    SCRATCH.set(Some(scratch));
    result
}

/// An image that was found, of whatever set.
pub(crate) struct CodedImage<'s> {
    pub(super) payload: Cow<'s, [u8]>,
    /// Where the payload begins, behind the size.
    pub(super) start: usize,
    /// The number in the segment of the image that it repeats.
    pub(super) original: Option<usize>,
    pub(super) model: &'s Model,
    pub(super) place: ImagePlace<'s>,
}

impl CodedImage<'_> {
    /// Calls `with` with the number of each of these images and the image; all have this size. Those of one model that follow each
    /// other are decoded together. With `checks` they are counted as images that are read with their whole blocks.
    pub(crate) fn decode_all(
        images: &[Self],
        size: [usize; 2],
        checks: Option<&BlockChecks>,
        mut with: impl FnMut(usize, BitmapView<'_>),
    ) -> Result<()> {
        let mut checks = checks.map(|checks| checks.images(size));
        let payloads: Vec<&[u8]> = images.iter().map(|image| &image.payload[image.start..]).collect();
        let mut start = 0;
        for like in images.chunk_by(|image, next| std::ptr::eq(image.model, next.model)) {
            let end = start + like.len();
            with_scratch(|Scratch { decoder, rows }| {
                let decoded = decoder.decode_many(like[0].model, &payloads[start..end], size, rows);
                let decoded = decoded.map_err(|(number, error)| {
                    blame(like[number].place.segment, like[number].place.image, error)
                });
                decoded?.zip(start..).try_for_each(|(image, number)| {
                    with(number, image);
                    checks.as_mut().map_or(Ok(()), |checks| {
                        checks.add(images[number].place, images[number].original, image)
                    })
                })
            })?;
            start = end;
        }
        checks.map_or(Ok(()), |mut checks| checks.finish())
    }
}

/// Returns the error of an image whose payload cannot be decoded.
pub(super) fn blame(segment: &Segment, image: usize, error: bitnpz_bitmap::Error) -> Error {
    match error.kind() {
        bitnpz_bitmap::ErrorKind::OutOfMemory { .. } => error.into(),
        _ => segment.damaged(format!("image {image} of the set: {error}")).into(),
    }
}
