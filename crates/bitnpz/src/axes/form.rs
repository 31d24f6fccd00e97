//! Converting an array to a stack of images and back.

use std::borrow::Cow;

use bitnpz_npy::{DynArrayView, with_room};
use ndarray::{ArrayView, ArrayViewMut, IxDyn, ShapeBuilder};
use serde::{Deserialize, Serialize};

use super::image_axes::ImageAxes;
use crate::error::{Error, ErrorKind, Result};

/// The form of the array that a stack of images comes back as, if it is not the stack itself: shape `(..., height, width)` in C
/// order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArrayForm {
    /// The shape of the array.
    pub(crate) shape: Vec<usize>,
    /// `true` if the items are in Fortran order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fortran_order: bool,
    /// The axes of height and width; `None` if the items are in the order of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) axes: Option<[usize; 2]>,
}

impl ArrayForm {
    /// Checks that a stack of this shape can come back in this form.
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
        let message = || format!("expected an array form of the stack {stack:?}, found {self:?}");
        if fits { Ok(()) } else { Err(message()) }
    }

    /// Returns `true` if more images can be added along the first axis.
    pub(crate) fn can_grow(&self, stack: &[usize]) -> bool {
        self.axes.is_none() && stack.len() > 2 && self.shape.first() == stack.first()
    }

    /// Returns the number of trailing axes of length 1, or `None` if the array differs from the stack in anything else.
    pub(crate) fn trailing(&self, stack: &[usize]) -> Option<usize> {
        let rest = self
            .shape
            .strip_prefix(stack)
            .filter(|rest| self.axes.is_none() && rest.iter().all(|&side| side == 1));
        rest.map(<[usize]>::len)
    }

    /// Returns the axes of height and width in the array.
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

    /// Returns the items of an array in the order of the stack.
    pub(crate) fn to_stack<'a>(&self, array: &DynArrayView<'a>) -> Result<Cow<'a, [u8]>> {
        match self.axes {
            None => Ok(Cow::Borrowed(array.data())),
            Some(axes) => self
                .reorder(axes, array.data(), array.dtype().item_size(), Direction::ToStack)
                .map(Cow::Owned),
        }
    }

    /// Returns the items of a stack in the order of the array.
    pub(crate) fn to_array(&self, stack: Vec<u8>, item_size: usize) -> Result<Vec<u8>> {
        match self.axes {
            None => Ok(stack),
            Some(axes) => self.reorder(axes, &stack, item_size, Direction::ToArray),
        }
    }

    fn reorder(
        &self,
        axes: [usize; 2],
        items: &[u8],
        item_size: usize,
        direction: Direction,
    ) -> Result<Vec<u8>> {
        match item_size {
            1 => self.move_items_of::<1>(axes, items, direction),
            2 => self.move_items_of::<2>(axes, items, direction),
            4 => self.move_items_of::<4>(axes, items, direction),
            _ => self.move_items_of::<8>(axes, items, direction),
        }
    }

    fn move_items_of<const SIZE: usize>(
        &self,
        axes: [usize; 2],
        items: &[u8],
        direction: Direction,
    ) -> Result<Vec<u8>> {
        let permutation: Vec<usize> = permutation(axes, self.shape.len()).collect();
        let array_shape = || IxDyn(&self.shape).set_f(self.fortran_order);
        let stack_shape = || IxDyn(&permutation.iter().map(|&axis| self.shape[axis]).collect::<Vec<_>>());
        let (items, _) = items.as_chunks::<SIZE>();
        let mut moved = with_room(items.len())?;
        moved.resize(items.len(), [0; SIZE]);
        let permuted = IxDyn(&permutation);
        let misfit =
            |_| Error::from(ErrorKind::WrongAxes { axes: ImageAxes::Inferred, shape: self.shape.clone() });
        match direction {
            Direction::ToStack => {
                let array = ArrayView::from_shape(array_shape(), items).map_err(misfit)?;
                let mut stack = ArrayViewMut::from_shape(stack_shape(), &mut moved).map_err(misfit)?;
                stack.assign(&array.permuted_axes(permuted));
            }
            Direction::ToArray => {
                let stack = ArrayView::from_shape(stack_shape(), items).map_err(misfit)?;
                let array = ArrayViewMut::from_shape(array_shape(), &mut moved).map_err(misfit)?;
                array.permuted_axes(permuted).assign(&stack);
            }
        }
        Ok(moved.into_flattened())
    }
}

/// The direction in which items are reordered.
#[derive(Clone, Copy, Debug)]
enum Direction {
    ToStack,
    ToArray,
}

/// Returns all axes in order, with those of height and width last.
pub(super) fn permutation(axes: [usize; 2], dimensions: usize) -> impl Iterator<Item = usize> {
    (0..dimensions).filter(move |axis| !axes.contains(axis)).chain(axes)
}
