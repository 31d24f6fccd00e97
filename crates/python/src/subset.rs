//! `Subset`: some of the images of an archive, in an order of its own.

use std::sync::OnceLock;

pub(crate) struct Subset {
    /// The stored indices of the images along the first axis, in the order of the subset.
    stored: Vec<i64>,
    /// The places of the images in the subset, in the order of their stored indices; made when the first one is looked up.
    places: OnceLock<Vec<usize>>,
}

impl Subset {
    pub(crate) fn new(stored: Vec<i64>) -> Self {
        Self { stored, places: OnceLock::new() }
    }

    /// Returns the stored indices of the images.
    pub(crate) fn stored(&self) -> &[i64] {
        &self.stored
    }

    /// Returns the first place of the image with this stored index; `None` if the subset does not have it.
    pub(crate) fn place_of(&self, stored: usize) -> Option<usize> {
        let stored = i64::try_from(stored).ok()?;
        let places = self.places.get().unwrap_or_else(|| {
            let mut places: Vec<usize> = (0..self.stored.len()).collect();
            // An image that comes twice keeps the order of its places.
            places.sort_by_key(|&place| self.stored[place]);
            // It is locked only now, so briefly that no fork copies it locked.
            self.places.get_or_init(|| places)
        });
        let found = places.partition_point(|&place| self.stored[place] < stored);
        places.get(found).copied().filter(|&place| self.stored[place] == stored)
    }
}
