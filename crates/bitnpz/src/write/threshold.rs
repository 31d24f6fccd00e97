//! Arrays of grey pixels, made bilevel on their way into an archive.

use std::path::Path;

use bitnpz_npy::{ByteOrder, Dtype, DynArray, Header, Kind, with_room};
use bitnpz_npz::Limits;

use super::copy::{Added, WHOLE_BYTES, images_of};
use super::source::{ArraySource, NpyFile};
use super::stack::Stack;
use super::writer::Writer;
use crate::axes::ImageAxes;
use crate::error::Result;
use crate::read::Entry;
use crate::value::Value;

/// Grey images have at least so many pixels on each side: bounding boxes have four numbers, colours three.
const SMALLEST_SIDE: usize = 8;

/// The number from which on a pixel is `True`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    from: f64,
    is_inverted: bool,
}

impl Threshold {
    /// Makes pixels `True` from this number on.
    #[must_use]
    pub fn new(from: f64) -> Self {
        Self { from, is_inverted: false }
    }

    /// Makes pixels `True` below the number instead.
    #[must_use]
    pub fn inverted(self) -> Self {
        Self { is_inverted: true, ..self }
    }

    /// Returns whether the threshold applies to an array, as it may be one of grey images: uint8 or uint16 with two or more dimensions, or
    /// other numbers with three or more, of eight or more pixels on each side. Boxes, scores and features are left alone. NaN is
    /// below every threshold.
    #[must_use]
    pub fn applies(&self, header: &Header) -> bool {
        let is_number =
            matches!(Value::from_bits(&header.dtype, 0), Some(Value::Integer(_) | Value::Float(_)));
        let is_grey = header.dtype.kind() == Some(Kind::Uint) && header.dtype.item_size() <= 2;
        let stack = ImageAxes::Inferred.form(header).ok().flatten();
        let has_pixels = stack.is_some_and(|(stack, _)| {
            matches!(*stack, [.., height, width] if height.min(width) >= SMALLEST_SIDE)
                && (is_grey || stack.len() > 2)
        });
        is_number && has_pixels
    }

    /// Returns the pixels of these items: a byte for each, 1 for `True`.
    pub(super) fn compare(&self, dtype: &Dtype, items: &[u8]) -> Result<Vec<u8>> {
        let size = dtype.item_size();
        let mut pixels = with_room(items.len() / size)?;
        for item in items.chunks_exact(size) {
            let add = |bits: u64, &byte: &u8| bits << 8 | u64::from(byte);
            let bits = match dtype.order() {
                ByteOrder::Big => item.iter().fold(0, add),
                _ => item.iter().rev().fold(0, add),
            };
            #[expect(clippy::cast_precision_loss, reason = "a threshold is an f64 itself")]
            let is_on = match Value::from_bits(dtype, bits) {
                Some(Value::Integer(value)) => value as f64 >= self.from,
                Some(Value::Float(value)) => value >= self.from,
                _ => false,
            };
            pixels.push(u8::from(is_on != self.is_inverted));
        }
        Ok(pixels)
    }
}

impl Writer {
    /// Adds the array of a `.npy` file as bool images, shape `(..., height, width)`, by comparing its pixels with a threshold. If the
    /// threshold does not [apply](Threshold::applies) it adds the array as [`add_npy_file`](Self::add_npy_file) does.
    ///
    /// ```
    /// use bitnpz::{Archive, DynArray, Limits, Threshold, Writer};
    /// use ndarray::Array2;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let (grey, path) = (folder.path().join("grey.npy"), folder.path().join("a.npz"));
    /// let ramp = Array2::from_shape_fn((8, 256), |(_, column)| column as u8);
    /// std::fs::write(&grey, DynArray::from_ndarray(&ramp).to_npy()?)?;
    /// let mut writer = Writer::create(&path)?;
    /// writer.add_npy_file_at("k", &grey, &Limits::default(), Threshold::new(128.0))?;
    /// writer.finish()?;
    /// let image: Array2<bool> = Archive::open(&path)?.image("k")?;
    /// assert_eq!(image, ramp.mapv(|pixel| pixel >= 128));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_npy_file`](Self::add_npy_file).
    pub fn add_npy_file_at(
        &mut self,
        key: &str,
        path: impl AsRef<Path>,
        limits: &Limits,
        threshold: Threshold,
    ) -> Result<Added> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        self.add_at(key, &file, threshold).map_err(|error| error.with_key(key))
    }

    /// Adds an array of another archive as bool images, shape `(..., height, width)`, by comparing its pixels with a threshold. If the
    /// threshold does not [apply](Threshold::applies) it adds the array as [`add_entry`](Self::add_entry) does.
    ///
    /// # Errors
    ///
    /// As [`add_entry`](Self::add_entry).
    pub fn add_entry_at(&mut self, entry: &Entry<'_>, threshold: Threshold) -> Result<Added> {
        self.add_at(entry.key(), entry, threshold).map_err(|error| error.with_key(entry.key()))
    }

    fn add_at(&mut self, key: &str, source: &impl ArraySource, threshold: Threshold) -> Result<Added> {
        let header = source.header();
        if !threshold.applies(header) {
            return self.add_from(key, source);
        }
        let mut of_bools = header.clone();
        of_bools.dtype = Dtype::of::<bool>();
        let is_large = header.data_len() > WHOLE_BYTES && !header.fortran_order;
        let stack = if is_large { Stack::like(key, &of_bools, ImageAxes::Inferred)? } else { None };
        let Some(stack) = stack else {
            let pixels = threshold.compare(&header.dtype, source.read()?.data())?;
            return self.add_dyn(key, &DynArray::new(of_bools, pixels)?.view());
        };
        let mut stack = self.start_stack(key, stack)?;
        source.for_pieces(0, |items| stack.push_items(&threshold.compare(&header.dtype, items)?))?;
        stack.finish()?;
        self.note_added(images_of(header, ImageAxes::Inferred))?;
        Ok(Added::Images)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_every_kind_of_number() {
        let threshold = Threshold::new(1.5);
        let compare = |kind: &str, items: &[u8]| {
            threshold.compare(&Dtype::from_type_string(kind).unwrap(), items).unwrap()
        };
        assert_eq!(compare("|u1", &[0, 1, 2, 255]), [0, 0, 1, 1]);
        assert_eq!(compare("|i1", &[0, 1, 2, 255]), [0, 0, 1, 0]);
        assert_eq!(compare(">u2", &[1, 0, 0, 1]), [1, 0]);
        assert_eq!(compare("<i4", &[[2, 0, 0, 0], [255; 4]].concat()), [1, 0]);
        let floats = [1.5_f32, 1.4, f32::NAN, f32::INFINITY].map(f32::to_be_bytes).concat();
        assert_eq!(compare(">f4", &floats), [1, 0, 0, 1]);
        assert_eq!(threshold.inverted().compare(&Dtype::of::<u8>(), &[0, 2]).unwrap(), [1, 0]);
    }

    #[test]
    fn leaves_labels_bools_and_text_alone() {
        let applies = |kind: &str, shape: &[usize]| {
            let dtype = Dtype::from_type_string(kind).unwrap();
            Threshold::new(1.0).applies(&Header::new(dtype, shape.to_vec()))
        };
        assert!(applies("|u1", &[8, 9]) && applies("<f8", &[2, 8, 9]) && applies("<u2", &[5, 8, 9, 1]));
        assert!(!applies("|u1", &[12]) && !applies("|b1", &[8, 9]) && !applies("<U3", &[8, 9]));
        // Boxes, colours, features.
        assert!(!applies("|u1", &[300, 4]) && !applies("|u1", &[90, 90, 3]) && !applies("<f4", &[300, 512]));
    }
}
