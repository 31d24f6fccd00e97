//! Images that are equal to earlier ones.

use std::collections::HashMap;

use bitnpz_bitmap::BitmapView;

/// Which of some images are equal to earlier ones. These are stored as the number of the first, and teach a model nothing.
#[derive(Debug)]
pub(super) struct Distinct {
    /// For each image the number of the first one that is equal to it.
    firsts: Vec<usize>,
}

impl Distinct {
    pub(super) fn of(images: &[BitmapView<'_>]) -> Self {
        let hasher = foldhash::fast::RandomState::default();
        let mut numbers = HashMap::with_capacity_and_hasher(images.len(), hasher);
        let images = images.iter().enumerate();
        Self { firsts: images.map(|(number, image)| *numbers.entry(image).or_insert(number)).collect() }
    }

    /// Appends which of further images are equal to earlier ones of them.
    pub(super) fn append(&mut self, others: &Self) {
        let before = self.firsts.len();
        self.firsts.extend(others.firsts.iter().map(|first| before + first));
    }

    /// Returns the number of all images.
    pub(super) fn all(&self) -> usize {
        self.firsts.len()
    }

    /// Returns for each image the number of the first one that is equal to it.
    pub(super) fn firsts(&self) -> &[usize] {
        &self.firsts
    }

    /// Returns the numbers of the images that are not equal to an earlier one.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.firsts.iter().enumerate().filter(|(number, first)| number == *first).map(|(number, _)| number)
    }

    /// Returns the numbers of the images that are equal to an earlier one.
    pub(super) fn repeats(&self) -> impl Iterator<Item = usize> {
        self.firsts.iter().enumerate().filter(|(number, first)| number != *first).map(|(number, _)| number)
    }
}
