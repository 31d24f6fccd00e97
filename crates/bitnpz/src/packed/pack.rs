//! Packing arrays of images.

use std::borrow::Cow;

use bitnpz_npy::{Dtype, DynArrayView, Header, Kind, with_room};

use super::index::PackedKind;
use super::palette::{Palette, UnfitPixel};
use crate::axes::{ArrayForm, ImageAxes, StackForm};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// The packed rows of an array of images, with the properties needed to unpack them.
#[derive(Debug)]
pub(crate) struct PackedImages {
    /// The shape of the stack of images: `(..., height, width)`.
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: PackedKind,
    pub(crate) rows: Vec<u8>,
}

/// Packs the images of an array whose height and width are these axes.
pub(crate) fn pack_images(array: &DynArrayView<'_>, axes: ImageAxes) -> Result<PackedImages> {
    let (shape, form) = stack_of(array.header(), axes)?;
    let pixels = to_stack(array, form.as_ref())?;
    pack(&DynArrayView::new(Header::new(array.dtype().clone(), shape), &pixels)?)
}

/// Packs the images of a stack, shape `(..., height, width)`.
pub(crate) fn pack(stack: &DynArrayView<'_>) -> Result<PackedImages> {
    let shape = stack.shape().to_vec();
    let (Some(mut palette), &[.., _, width]) = (Palette::new(stack.dtype()), shape.as_slice()) else {
        return Err(ErrorKind::NotImages { dtype: stack.dtype().clone(), shape }.into());
    };
    let pixels = c_order(stack)?;
    let mut rows = with_room(palette.rows_len(&pixels, width))?;
    palette.pack(&pixels, width, &mut rows).map_err(|unfit| unfit_error(&unfit, 0, &shape))?;
    let kind = PackedKind { dtype: stack.dtype().clone(), bits: palette.bits(), width };
    Ok(PackedImages { shape, kind, rows })
}

/// Returns the header of the packed rows of a stack of this shape.
pub(crate) fn packed_header(stack: &[usize]) -> Header {
    let mut shape = stack.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = last.div_ceil(8);
    }
    Header::new(Dtype::of::<u8>(), shape)
}

/// Returns the number of images in a stack of shape `(..., height, width)`.
pub(crate) fn count_images(stack: &[usize]) -> usize {
    stack.iter().rev().skip(2).product()
}

/// Returns the shape of the stack of images in an array whose height and width are these axes, with the form of the array if that
/// is not the stack itself.
pub(crate) fn stack_of(header: &Header, axes: ImageAxes) -> Result<StackForm> {
    let not_images = || ErrorKind::NotImages { dtype: header.dtype.clone(), shape: header.shape.clone() };
    axes.form(header)?.ok_or_else(|| not_images().into())
}

/// Returns the items of an array in the order of its stack of images.
pub(crate) fn to_stack<'a>(array: &DynArrayView<'a>, form: Option<&ArrayForm>) -> Result<Cow<'a, [u8]>> {
    match form {
        Some(form) => form.to_stack(array),
        None => c_order(array),
    }
}

/// Returns the items of an array in C order.
pub(crate) fn c_order<'a>(array: &DynArrayView<'a>) -> Result<Cow<'a, [u8]>> {
    if array.header().fortran_order {
        return Ok(Cow::Owned(array.to_c_order()?));
    }
    Ok(Cow::Borrowed(array.data()))
}

/// Returns items as they are written: NumPy reads any nonzero byte of a bool as `True`, and writes it as 1.
pub(crate) fn normalize_bools<'a>(dtype: &Dtype, items: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    if dtype.kind() != Some(Kind::Bool) || items.iter().fold(0, |seen, byte| seen | byte) <= 1 {
        return Ok(Cow::Borrowed(items));
    }
    let mut normal = with_room(items.len())?;
    normal.extend(items.iter().map(|&byte| u8::from(byte != 0)));
    Ok(Cow::Owned(normal))
}

/// Returns the error of a pixel with a third value, or NaN. `before` is the number of pixels of the stack, whose shape is `stack`,
/// that precede those given to the palette.
pub(crate) fn unfit_error(unfit: &UnfitPixel, before: usize, stack: &[usize]) -> Error {
    let mut number = before + unfit.pixel;
    let mut index = vec![0; stack.len()];
    for (place, &length) in index.iter_mut().zip(stack).skip(1).rev() {
        (*place, number) = (number % length, number / length);
    }
    index[0] = number;
    match unfit.found {
        Value::Float(value) if value.is_nan() => ErrorKind::NotANumber { index }.into(),
        found => ErrorKind::NotBilevel { index, found, values: unfit.values }.into(),
    }
}
