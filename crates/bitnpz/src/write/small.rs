//! Images too few for an image set.

use bitnpz_npy::{DynArrayView, Header};

use super::bilevel::{has_byte_rows, pack_rows};
use super::output::Output;
use super::plain::PlainArray;
use crate::axes::ArrayForm;
use crate::error::Result;
use crate::packed::{PackedKind, count_images, unpack};

/// An image or a stack that would be larger in an image set than as an ordinary array.
#[derive(Debug)]
pub(super) struct SmallStack {
    pub(super) key: String,
    /// Its place in the order of saving.
    pub(super) place: usize,
    /// The shape of the stack.
    pub(super) shape: Vec<usize>,
    /// The form in which it comes back, if that differs from the stack.
    pub(super) form: Option<ArrayForm>,
    pub(super) kind: PackedKind,
    /// Its packed rows.
    pub(super) rows: Vec<u8>,
}

impl SmallStack {
    /// Writes it as an ordinary array.
    pub(super) fn write(self, output: &mut Output) -> Result<()> {
        let Self { key, place, shape, form, kind, rows } = self;
        let images = count_images(&shape);
        let mut pixels = unpack(&rows, kind.width, &kind.dtype, kind.bits)?;
        let mut header = Header::new(kind.dtype.clone(), shape);
        if let Some(form) = &form {
            pixels = form.to_array(pixels, kind.dtype.item_size())?;
            (header.shape, header.fortran_order) = (form.shape.clone(), form.fortran_order);
        }
        let array = &DynArrayView::new(header, &pixels)?;
        let packed = if has_byte_rows(array) { Some(pack_rows(array)?) } else { None };
        PlainArray { key: &key, place, array, packed, images }.write(output)
    }
}
