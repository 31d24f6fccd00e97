//! Finding the stack of images in an array.

use bitnpz_npy::Header;

use super::form::{ArrayForm, permutation};
use super::image_axes::ImageAxes;
use crate::error::{ErrorKind, Result};

/// An array of shape `(height, width, 1)` is taken for one image of one channel, unless it is more than this many times higher than
/// wide: few images are, so it is taken for a stack of images of one column each.
const MAX_ASPECT_RATIO: usize = 64;

/// The shape `(..., height, width)` of a stack, and the form of the array that it was made from, if it has another form.
pub(crate) type StackForm = (Vec<usize>, Option<ArrayForm>);

impl ImageAxes {
    /// Returns the stack of images in an array, or `None` if the array has fewer than two dimensions.
    pub(crate) fn form(self, header: &Header) -> Result<Option<StackForm>> {
        let (shape, fortran_order) = (&header.shape, header.fortran_order);
        let mismatch = || ErrorKind::WrongAxes { axes: self, shape: shape.clone() };
        if shape.len() < 2 && !matches!(self, Self::Flat { .. }) {
            return Ok(None);
        }
        let axes = match self {
            Self::Flat { height, width } => {
                let is_flat = shape.last().is_some_and(|&last| height.checked_mul(width) == Some(last));
                let Some((_, outer)) = shape.split_last().filter(|_| is_flat && !fortran_order) else {
                    return Err(mismatch().into());
                };
                let form = ArrayForm { shape: shape.clone(), fortran_order, axes: None };
                return Ok(Some(([outer, &[height, width]].concat(), Some(form))));
            }
            Self::Axes { height, width, dimensions } => {
                if dimensions != shape.len() || height == width || height.max(width) >= dimensions {
                    return Err(mismatch().into());
                }
                [height, width]
            }
            Self::Inferred => infer(shape, fortran_order),
        };
        let stack = permutation(axes, shape.len()).map(|axis| shape[axis]).collect();
        if permutation(axes, shape.len()).eq(0..shape.len()) {
            // The array is the stack itself. It comes back in C order, even if its items are in Fortran order.
            return Ok(Some((stack, None)));
        }
        // Axes of length 1 do not affect the order of the items.
        let long = |axis: &usize| shape[*axis] != 1;
        let has_stack_order = !fortran_order && permutation(axes, shape.len()).filter(long).is_sorted();
        let is_trailing_ones = shape[axes[0].max(axes[1]) + 1..].iter().all(|&side| side == 1);
        let (stack, axes) = if has_stack_order && is_trailing_ones && axes[0] < axes[1] {
            (shape[..=axes[1]].to_vec(), None)
        } else {
            (stack, Some(axes))
        };
        Ok(Some((stack, Some(ArrayForm { shape: shape.clone(), fortran_order, axes }))))
    }

    /// Returns the stack of images in an array to which more can be added along its first axis.
    pub(crate) fn growing_form(self, header: &Header) -> Result<StackForm> {
        let not_a_stack = || ErrorKind::NotAStack { shape: header.shape.clone() };
        let dimensions = header.shape.len();
        if self == Self::Inferred && dimensions < 3 {
            return Err(not_a_stack().into());
        }
        let mut formed = self.form(header)?.ok_or_else(not_a_stack)?;
        if self == Self::Inferred && formed.0.len() < 3 {
            // The first axis counts images, so these are columns: shape (n, height, 1).
            let columns = Self::Axes { height: 1, width: 2, dimensions };
            formed = columns.form(header)?.ok_or_else(not_a_stack)?;
        }
        let (stack, form) = &formed;
        if stack.len() < 3 {
            return Err(not_a_stack().into());
        }
        if form.as_ref().is_some_and(|form| !form.can_grow(stack)) {
            return Err(ErrorKind::FixedStack.into());
        }
        Ok(formed)
    }
}

/// Returns whether an array of this shape, in C order, is taken for the stack of this shape, whose last axes are height and width.
pub(crate) fn is_taken_for_stack(shape: &[usize]) -> bool {
    shape.len() > 2 && infer(shape, false) == [shape.len() - 2, shape.len() - 1]
}

/// Returns the most likely axes of height and width for an array of this shape.
fn infer(shape: &[usize], fortran_order: bool) -> [usize; 2] {
    let mut last = shape.len() - 1;
    while last > 1 && shape[last] == 1 {
        let is_column = last == 2 && shape[0] > MAX_ASPECT_RATIO * shape[1].max(1);
        if is_column {
            break;
        }
        last -= 1;
    }
    if fortran_order
        && shape.len() > 2
        && squareness([shape[0], shape[1]]) > squareness([shape[last - 1], shape[last]])
    {
        return [0, 1];
    }
    [last - 1, last]
}

/// Returns the ratio of the shorter side of an image to the longer.
fn squareness([height, width]: [usize; 2]) -> f64 {
    height.min(width) as f64 / height.max(width).max(1) as f64
}

#[cfg(test)]
mod tests {
    use bitnpz_npy::{Dtype, DynArrayView};

    use super::*;

    fn header(shape: &[usize], fortran_order: bool) -> Header {
        let mut header = Header::new(Dtype::of::<u8>(), shape.to_vec());
        header.fortran_order = fortran_order;
        header
    }

    fn stack(axes: ImageAxes, shape: &[usize], fortran_order: bool) -> Vec<usize> {
        axes.form(&header(shape, fortran_order)).unwrap().unwrap().0
    }

    #[test]
    fn infers_image_axes() {
        let inferred = |shape: &[usize]| stack(ImageAxes::Inferred, shape, false);
        assert_eq!(inferred(&[60, 28, 28]), [60, 28, 28]);
        assert_eq!(inferred(&[60, 28, 28, 1]), [60, 28, 28]);
        assert_eq!(inferred(&[60, 1, 28, 28]), [60, 1, 28, 28]);
        assert_eq!(inferred(&[28, 28, 1]), [28, 28]);
        assert_eq!(inferred(&[28, 1]), [28, 1]);
        assert_eq!(inferred(&[100_000, 28, 1]), [100_000, 28, 1]);
        assert_eq!(inferred(&[60, 9, 1, 1]), [60, 9]);
        let fortran = |shape: &[usize]| stack(ImageAxes::Inferred, shape, true);
        assert_eq!(fortran(&[480, 640, 5]), [5, 480, 640]);
        assert_eq!(fortran(&[60_000, 28, 28]), [60_000, 28, 28]);
        assert_eq!(fortran(&[28, 28]), [28, 28]);
        assert_eq!(fortran(&[20, 20, 20]), [20, 20, 20]);
        let natural = ImageAxes::Inferred.form(&header(&[60_000, 28, 28], true)).unwrap().unwrap();
        assert_eq!(natural.1, None);
    }

    #[test]
    fn the_first_axis_of_what_grows_counts_images() {
        let growing = |shape: &[usize]| ImageAxes::Inferred.growing_form(&header(shape, false)).unwrap().0;
        assert_eq!(growing(&[60, 28, 28, 1]), [60, 28, 28]);
        assert_eq!(growing(&[5, 28, 1]), [5, 28, 1]);
        assert_eq!(growing(&[5, 1, 1]), [5, 1, 1]);
        assert_eq!(growing(&[60, 9, 1, 1]), [60, 9, 1]);
        assert!(ImageAxes::Inferred.growing_form(&header(&[28, 28], false)).is_err());
    }

    #[test]
    fn round_trips_items_through_the_stack() {
        let axes = ["HWN", "HNW", "NHW", "WHN", "NWH", "WNH"].map(|text| text.parse::<ImageAxes>().unwrap());
        for (shape, fortran_order) in
            [([2, 3, 4], false), ([2, 3, 4], true), ([1, 3, 1], false), ([0, 3, 2], true)]
        {
            for axes in axes {
                let header = header(&shape, fortran_order);
                let data: Vec<u8> = (0..24).take(header.data_len()).collect();
                let array = DynArrayView::new(header.clone(), &data).unwrap();
                let (stack, form) = axes.form(&header).unwrap().unwrap();
                let Some(form) = form else { continue };
                form.check(&stack).unwrap();
                let items = form.to_stack(&array).unwrap().into_owned();
                assert_eq!(form.to_array(items.clone(), 1).unwrap(), data, "{axes:?} of {header:?}");
                let ImageAxes::Axes { height, width, .. } = axes else { panic!("expected axes") };
                if !data.is_empty() && stack.len() == 3 {
                    // The first pixel of row 1 of image 0 is the item that the array has there.
                    let steps = if fortran_order { [1, 2, 6] } else { [12, 4, 1] };
                    let row = if shape[height] > 1 {
                        data[if shape == [1, 3, 1] { 1 } else { steps[height] }]
                    } else {
                        0
                    };
                    assert_eq!(
                        items[if shape[height] > 1 { shape[width] } else { 0 }],
                        row,
                        "{axes:?} of {header:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn refuses_axes_that_do_not_fit() {
        for text in ["", "HN", "HHW", "H2W", "28x", "x28", "0x3", "28x28x3", "NHW\u{e9}"] {
            assert!(text.parse::<ImageAxes>().is_err(), "{text}");
        }
        let form =
            |axes: &str, shape: &[usize]| axes.parse::<ImageAxes>().unwrap().form(&header(shape, false));
        assert!(form("HWN", &[2, 3]).is_err());
        assert!(form("28x28", &[5, 783]).is_err());
        assert_eq!(form("28x28", &[5, 784]).unwrap().unwrap().0, [5, 28, 28]);
        assert_eq!(form("28x28", &[784]).unwrap().unwrap().0, [28, 28]);
        let lie = ArrayForm { shape: vec![2, 3, 4], fortran_order: false, axes: Some([0, 3]) };
        assert!(lie.check(&[4, 2, 3]).is_err());
        assert!(ArrayForm { axes: Some([0, 1]), ..lie.clone() }.check(&[4, 2, 3]).is_ok());
        assert!(ArrayForm { axes: None, ..lie }.check(&[4, 2, 4]).is_err());
    }
}
