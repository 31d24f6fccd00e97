//! The axes of an array that are the rows and columns of images.

mod form;
mod hint;
mod image_axes;
mod stack;

pub(crate) use form::ArrayForm;
pub use hint::{BetterAxes, better_axes};
pub use image_axes::{ImageAxes, ParseAxesError};
pub(crate) use stack::{StackForm, is_taken_for_stack};
