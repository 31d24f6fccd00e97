//! An array and the stack of images that it is.

use std::borrow::Cow;

use bitnpz_npy::{DynArrayView, with_room};
use ndarray::{ArrayView, ArrayViewMut, IxDyn, ShapeBuilder};
use serde::{Deserialize, Serialize};

use super::ImageAxes;
use crate::error::{Error, ErrorKind, Result};

/// The array that a stack of images comes back as, where that is another than the stack itself, shape `(..., height, width)` in C
/// order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArrayForm {
    pub(crate) shape: Vec<usize>,
    /// Whether its items lie in Fortran order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fortran_order: bool,
    /// Which axes are height and width; unless given, its items lie as those of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) axes: Option<[usize; 2]>,
}

impl ArrayForm {
    /// Whether a stack of this shape can come back as such an array.
    pub(crate) fn check(&self, stack: &[usize]) -> std::result::Result<(), String> {
        let product =
            |shape: &[usize]| shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let fits = match self.axes {
            None => !self.fortran_order && product(&self.shape) == product(stack),
            Some(axes) => {
                axes[0] != axes[1]
                    && axes.iter().all(|&axis| axis < self.shape.len())
                    && permutation(axes, self.shape.len())
                        .map(|axis| self.shape[axis])
                        .eq(stack.iter().copied())
            }
        };
        let message = || format!("expected an array of the images of the stack {stack:?}, found {self:?}");
        if fits { Ok(()) } else { Err(message()) }
    }

    /// Whether more images can be added along the first axis.
    pub(crate) fn can_grow(&self, stack: &[usize]) -> bool {
        self.axes.is_none() && stack.len() > 2 && self.shape.first() == stack.first()
    }

    /// How many axes of length 1 the array has behind those of the stack; `None` if it differs in anything else.
    pub(crate) fn trailing(&self, stack: &[usize]) -> Option<usize> {
        let rest = self
            .shape
            .strip_prefix(stack)
            .filter(|rest| self.axes.is_none() && rest.iter().all(|&side| side == 1));
        rest.map(<[usize]>::len)
    }

    /// Which axes of the array are height and width.
    pub(crate) fn image_axes(&self, stack: &[usize]) -> ImageAxes {
        let &[.., rows, columns] = stack else { return ImageAxes::Inferred };
        match self.axes {
            Some([height, width]) => ImageAxes::Axes { height, width, dimensions: self.shape.len() },
            None if self.trailing(stack).is_some() => ImageAxes::Axes {
                height: stack.len() - 2,
                width: stack.len() - 1,
                dimensions: self.shape.len(),
            },
            None => ImageAxes::Flat { height: rows, width: columns },
        }
    }

    /// The items of an array as they lie in the stack.
    pub(crate) fn to_stack<'a>(&self, array: &DynArrayView<'a>) -> Result<Cow<'a, [u8]>> {
        match self.axes {
            None => Ok(Cow::Borrowed(array.data())),
            Some(axes) => self
                .move_items(axes, array.data(), array.dtype().item_size(), Direction::ToStack)
                .map(Cow::Owned),
        }
    }

    /// The items of the array, as they lie in the stack, as they lie in the array.
    pub(crate) fn to_array(&self, stack: Vec<u8>, item_size: usize) -> Result<Vec<u8>> {
        match self.axes {
            None => Ok(stack),
            Some(axes) => self.move_items(axes, &stack, item_size, Direction::ToArray),
        }
    }

    fn move_items(
        &self,
        axes: [usize; 2],
        items: &[u8],
        item_size: usize,
        direction: Direction,
    ) -> Result<Vec<u8>> {
        match item_size {
            1 => self.move_lanes::<1>(axes, items, direction),
            2 => self.move_lanes::<2>(axes, items, direction),
            4 => self.move_lanes::<4>(axes, items, direction),
            _ => self.move_lanes::<8>(axes, items, direction),
        }
    }

    fn move_lanes<const SIZE: usize>(
        &self,
        axes: [usize; 2],
        items: &[u8],
        direction: Direction,
    ) -> Result<Vec<u8>> {
        let permutation: Vec<usize> = permutation(axes, self.shape.len()).collect();
        let of_array = || IxDyn(&self.shape).set_f(self.fortran_order);
        let of_stack = || IxDyn(&permutation.iter().map(|&axis| self.shape[axis]).collect::<Vec<_>>());
        let (items, _) = items.as_chunks::<SIZE>();
        let mut moved = with_room(items.len())?;
        moved.resize(items.len(), [0; SIZE]);
        let permuted = IxDyn(&permutation);
        let misfit =
            |_| Error::from(ErrorKind::WrongAxes { axes: ImageAxes::Inferred, shape: self.shape.clone() });
        match direction {
            Direction::ToStack => {
                let array = ArrayView::from_shape(of_array(), items).map_err(misfit)?;
                let mut stack = ArrayViewMut::from_shape(of_stack(), &mut moved).map_err(misfit)?;
                stack.assign(&array.permuted_axes(permuted));
            }
            Direction::ToArray => {
                let stack = ArrayView::from_shape(of_stack(), items).map_err(misfit)?;
                let array = ArrayViewMut::from_shape(of_array(), &mut moved).map_err(misfit)?;
                array.permuted_axes(permuted).assign(&stack);
            }
        }
        Ok(moved.into_flattened())
    }
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    ToStack,
    ToArray,
}

/// All axes, those of height and width last.
pub(super) fn permutation(axes: [usize; 2], dimensions: usize) -> impl Iterator<Item = usize> {
    (0..dimensions).filter(move |axis| !axes.contains(axis)).chain(axes)
}
