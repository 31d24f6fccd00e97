//! The stacks that the images of a set are.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::axes::ArrayForm;
use crate::names::is_key;
use crate::packed::count_images;

/// A stack of this shape under this key. It comes back in this form, if there is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StackShape {
    pub(crate) key: String,
    pub(crate) shape: Vec<usize>,
    #[serde(default, rename = "array", skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<ArrayForm>,
}

impl StackShape {
    /// Checks what a description says.
    pub(super) fn check(&self) -> Result<(), String> {
        if !is_key(&self.key) {
            let expected = "expected a key of 1 to 65,535 bytes without NUL, found another";
            return Err(expected.to_owned());
        }
        if self.shape.len() < 2 {
            return Err(format!("expected a shape of two or more sides, found {:?}", self.shape));
        }
        self.form.as_ref().map_or(Ok(()), |form| form.check(&self.shape))
    }

    /// Returns the height and width of its images.
    pub(crate) fn size(&self) -> [usize; 2] {
        [self.shape[self.shape.len() - 2], self.shape[self.shape.len() - 1]]
    }

    /// Returns the number of images, if it can be counted.
    pub(super) fn images(&self) -> Option<usize> {
        let outer = &self.shape[..self.shape.len() - 2];
        outer.iter().try_fold(1_usize, |product, &side| product.checked_mul(side))
    }
}

/// The stacks that the images of a set are, one after the other.
#[derive(Debug)]
pub(crate) struct Stacks {
    all: Vec<StackShape>,
    /// The number of images up to the end of each stack.
    ends: Vec<usize>,
    /// The number of each stack, by its key.
    numbers: HashMap<String, usize>,
}

impl Stacks {
    /// Several of these stacks have images each, and their keys differ.
    pub(super) fn new(all: &[StackShape]) -> Self {
        let mut end = 0;
        let ends = all.iter().map(|stack| {
            end += count_images(&stack.shape);
            end
        });
        let numbers = all.iter().enumerate().map(|(number, stack)| (stack.key.clone(), number));
        Self { ends: ends.collect(), numbers: numbers.collect(), all: all.to_vec() }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &StackShape> {
        self.all.iter()
    }

    /// Returns the only stack, unless there are several.
    pub(crate) fn only(&self) -> Option<&StackShape> {
        if let [only] = self.all.as_slice() { Some(only) } else { None }
    }

    /// Returns the numbers in the set of the images of the stack with this number.
    pub(crate) fn images(&self, number: usize) -> Range<usize> {
        number.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[number]
    }

    /// Returns the number of the stack with this key.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// Returns the number of the stack that has this image of the set. One that is alone may have none.
    pub(crate) fn number_of(&self, image: usize) -> usize {
        self.ends.partition_point(|&end| end <= image).min(self.all.len() - 1)
    }

    /// Returns the stacks that have images in this range; one that is alone if the range is empty, too.
    pub(super) fn overlapping(&self, images: &Range<usize>) -> impl Iterator<Item = &StackShape> {
        let last = self.number_of(images.end.saturating_sub(1).max(images.start));
        self.all[self.number_of(images.start)..=last].iter()
    }

    /// Returns the stack that has this image of the set.
    pub(crate) fn of(&self, image: usize) -> &StackShape {
        &self.all[self.number_of(image)]
    }
}
