//! Packing arrays of any dimension along the last one.

use ndarray::{Array, ArrayRef, Dimension};

use crate::error::{ErrorKind, Result};
use crate::kernels::pack_rows;
use crate::pixel::{Pixel, PixelValues};
use crate::view::stride;

/// Packs an array of any two values along its last dimension; returns the packed rows and the values.
///
/// The rows are those of `np.packbits(array == on, axis=-1)`: shape `(..., W)` becomes `(..., ceil(W / 8))`.
///
/// ```
/// use ndarray::array;
///
/// let (rows, values) = bitnpz_bitmap::pack(&array![[0.0_f32, 1.0], [1.0, 1.0]])?;
/// assert_eq!(rows, array![[0b0100_0000], [0b1100_0000]]);
/// assert_eq!((values.off, values.on), (0.0, 1.0));
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
///
/// # Errors
///
/// If the array has a third value, or NaN: the error names the first such pixel. If the array has no dimensions.
pub fn pack<T: Pixel, D: Dimension>(array: &ArrayRef<T, D>) -> Result<(Array<u8, D>, PixelValues<T>)> {
    let array = array.as_standard_layout();
    let pixels = array.as_slice().unwrap_or_default();
    let values = PixelValues::find(pixels);
    for value in [values.off, values.on] {
        let nan =
            value.is_nan().then(|| T::lanes(pixels).iter().position(|&lane| lane == value.lane())).flatten();
        if let Some(pixel) = nan {
            return Err(ErrorKind::NotANumber { index: index_of(pixel, array.shape()) }.into());
        }
    }
    Ok((pack_with(&array, values)?, values))
}

/// Packs an array of these two values along its last dimension.
///
/// ```
/// use bitnpz_bitmap::PixelValues;
/// use ndarray::array;
///
/// let rows = bitnpz_bitmap::pack_with(&array![[7_u8, 7, 9]], PixelValues { off: 9, on: 7 })?;
/// assert_eq!(rows, array![[0b1100_0000]]);
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
///
/// # Errors
///
/// If the array has another value: the error names the first such pixel. If the array has no dimensions.
pub fn pack_with<T: Pixel, D: Dimension>(
    array: &ArrayRef<T, D>,
    values: PixelValues<T>,
) -> Result<Array<u8, D>> {
    let array = array.as_standard_layout();
    let pixels = array.as_slice().unwrap_or_default();
    let mut shape = array.raw_dim();
    let last = shape.slice_mut().last_mut().ok_or(ErrorKind::NoRows)?;
    let width = *last;
    *last = stride(width);
    let mut rows = Array::zeros(shape);
    let packed = rows.as_slice_mut().expect("new arrays are contiguous");
    match pack_rows(T::lanes(pixels), width, values.off.lane(), values.on.lane(), packed) {
        Ok(()) => Ok(rows),
        Err(pixel) if pixels[pixel].is_nan() => {
            Err(ErrorKind::NotANumber { index: index_of(pixel, array.shape()) }.into())
        }
        Err(pixel) => Err(ErrorKind::NotBilevel {
            index: index_of(pixel, array.shape()),
            found: format!("{:?}", pixels[pixel]),
            values: [values.off, values.on].map(|value| format!("{value:?}")),
        }
        .into()),
    }
}

/// Unpacks rows of `width` pixels along the last dimension into an array of these two values.
///
/// The bits are those of `np.unpackbits(axis=-1, count=width)`: shape `(..., ceil(width / 8))` becomes `(..., width)`.
///
/// ```
/// use bitnpz_bitmap::PixelValues;
/// use ndarray::array;
///
/// let pixels = bitnpz_bitmap::unpack(&array![[0b0110_0000]], 4, PixelValues::<bool>::default())?;
/// assert_eq!(pixels, array![[false, true, true, false]]);
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
///
/// # Errors
///
/// If the last dimension is not `ceil(width / 8)`, or if the array has no dimensions.
pub fn unpack<T: Pixel, D: Dimension>(
    rows: &ArrayRef<u8, D>,
    width: usize,
    values: PixelValues<T>,
) -> Result<Array<T, D>> {
    let rows = rows.as_standard_layout();
    let mut shape = rows.raw_dim();
    let last = shape.slice_mut().last_mut().ok_or(ErrorKind::NoRows)?;
    let found = std::mem::replace(last, width);
    if found != stride(width) {
        return Err(ErrorKind::Length { expected: stride(width), found }.into());
    }
    let mut array = Array::from_elem(shape, values.off);
    let pixels = array.as_slice_mut().expect("new arrays are contiguous");
    T::unpack_rows(rows.as_slice().unwrap_or_default(), width, values, pixels);
    Ok(array)
}

/// Returns the index of an item in an array of this shape from its number in C order.
fn index_of(mut item: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &length) in index.iter_mut().zip(shape).rev() {
        (*index, item) = (item % length, item / length);
    }
    index
}
