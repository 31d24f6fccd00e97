//! Which axes of an array are the rows and columns of images.

mod form;
mod hint;

use std::fmt;
use std::str::FromStr;

use bitnpz_npy::Header;

use crate::error::{ErrorKind, Result};
pub(crate) use form::ArrayForm;
use form::permutation;
pub use hint::{BetterAxes, better_axes};

/// An array of three dimensions whose last has length 1 is one image of this shape and one channel, unless it is more than so many
/// times higher than wide: then it is a stack of columns.
const TALLEST: usize = 64;

/// Which axes of an array are the height and the width of images.
///
/// ```
/// use bitnpz::ImageAxes;
///
/// assert_eq!("HWN".parse(), Ok(ImageAxes::Axes { height: 0, width: 1, dimensions: 3 }));
/// assert_eq!("28x28".parse(), Ok(ImageAxes::Flat { height: 28, width: 28 }));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageAxes {
    /// The last two, those of length 1 behind them not counted. Of an array in Fortran order the first two instead, as COCO's tools
    /// decode masks, if they make squarer images.
    #[default]
    Inferred,
    /// These two of an array of so many dimensions; all others count images.
    Axes {
        /// Which axis is the height.
        height: usize,
        /// Which axis is the width.
        width: usize,
        /// How many axes the array has.
        dimensions: usize,
    },
    /// The last axis is an image, row after row.
    Flat {
        /// Its height in pixels.
        height: usize,
        /// Its width in pixels.
        width: usize,
    },
}

impl fmt::Display for ImageAxes {
    /// As [`FromStr`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Inferred => f.write_str("inferred"),
            Self::Flat { height, width } => write!(f, "{height}x{width}"),
            Self::Axes { height, width, dimensions } => {
                let mut others = "NCDEFGIJKLMOPQRSTUVXYZ".chars().cycle();
                (0..dimensions).try_for_each(|axis| match axis {
                    _ if axis == height => f.write_str("H"),
                    _ if axis == width => f.write_str("W"),
                    _ => write!(f, "{}", others.next().unwrap_or('N')),
                })
            }
        }
    }
}

/// Why a text is no [`ImageAxes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAxesError(String);

impl fmt::Display for ParseAxesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a letter for each axis with one H and one W, such as HWN, or the size of flat images, such as 28x28; \
             found {:?}",
            self.0
        )
    }
}

impl std::error::Error for ParseAxesError {}

impl FromStr for ImageAxes {
    type Err = ParseAxesError;

    fn from_str(text: &str) -> std::result::Result<Self, ParseAxesError> {
        let invalid = || ParseAxesError(text.to_owned());
        if let Some((height, width)) = text.split_once('x') {
            let side = |text: &str| text.parse::<usize>().ok().filter(|&side| side > 0).ok_or_else(invalid);
            return Ok(Self::Flat { height: side(height)?, width: side(width)? });
        }
        let place = |letter: char| {
            let mut places =
                text.chars().enumerate().filter(|&(_, other)| other.eq_ignore_ascii_case(&letter));
            match (places.next(), places.next()) {
                (Some((place, _)), None) => Ok(place),
                _ => Err(invalid()),
            }
        };
        let is_valid = text.chars().all(|letter| letter.is_ascii_alphabetic());
        let (height, width) = (place('h')?, place('w')?);
        if is_valid { Ok(Self::Axes { height, width, dimensions: text.len() }) } else { Err(invalid()) }
    }
}

/// A stack of images, shape `(..., height, width)`, and the array that it comes back as if that is another.
pub(crate) type Formed = (Vec<usize>, Option<ArrayForm>);

impl ImageAxes {
    /// The stack of images that an array is; `None` if it has fewer than two dimensions.
    pub(crate) fn form(self, header: &Header) -> Result<Option<Formed>> {
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
            // In whatever order its items lie: it comes back in C order.
            return Ok(Some((stack, None)));
        }
        // Axes of length 1 can stand anywhere.
        let long = |axis: &usize| shape[*axis] != 1;
        let lies_so = !fortran_order && permutation(axes, shape.len()).filter(long).is_sorted();
        let ones = shape[axes[0].max(axes[1]) + 1..].iter().all(|&side| side == 1);
        let (stack, axes) = if lies_so && ones && axes[0] < axes[1] {
            (shape[..=axes[1]].to_vec(), None)
        } else {
            (stack, Some(axes))
        };
        Ok(Some((stack, Some(ArrayForm { shape: shape.clone(), fortran_order, axes }))))
    }
}

/// The axes of height and width that an array of this shape has most likely.
fn infer(shape: &[usize], fortran_order: bool) -> [usize; 2] {
    let mut last = shape.len() - 1;
    while last > 1 && shape[last] == 1 {
        let is_column = last == 2 && shape[0] > TALLEST * shape[1].max(1);
        if is_column {
            break;
        }
        last -= 1;
    }
    if fortran_order
        && shape.len() > 2
        && squareness([shape[0], shape[1]]) >= squareness([shape[last - 1], shape[last]])
    {
        return [0, 1];
    }
    [last - 1, last]
}

/// The shorter side of an image as a part of the longer.
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
    fn are_the_axes_of_images_found() {
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
        let natural = ImageAxes::Inferred.form(&header(&[60_000, 28, 28], true)).unwrap().unwrap();
        assert_eq!(natural.1, None);
    }

    #[test]
    fn do_items_go_to_the_stack_and_back() {
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
                    // Row 1 of image 0 starts with the item that the array has there.
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
    fn are_axes_that_do_not_fit_refused() {
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
