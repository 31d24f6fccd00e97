//! Bytes of a file that were read at once for several images or items.

use std::ops::Range;

use bitnpz_npz::KeptBytes;

/// Bytes of a file that were read at once for several images or items, so that none is read by itself.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// In the order of the file, each with where it starts.
    pieces: Vec<(u64, KeptBytes)>,
}

impl Window {
    /// Returns the window of the bytes that start there.
    pub(super) fn new(start: u64, bytes: Vec<u8>) -> Self {
        Self { pieces: vec![(start, bytes.into())] }
    }

    /// Adds bytes that were requested.
    pub(crate) fn add(&mut self, requested: Vec<(u64, KeptBytes)>) {
        if self.pieces.is_empty() {
            self.pieces = requested;
        } else if !requested.is_empty() {
            self.pieces.extend(requested);
            self.pieces.sort_by_key(|(start, bytes)| (*start, bytes.len()));
        }
    }

    /// Returns the bytes of a range of the file.
    pub(crate) fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        let behind = self.pieces.partition_point(|(start, _)| *start <= range.start);
        let (start, bytes) = self.pieces.get(behind.checked_sub(1)?)?;
        let index = |place: u64| usize::try_from(place - start).ok();
        bytes.get(index(range.start)?..index(range.end)?)
    }
}

/// What was requested for the first of some images.
#[derive(Debug)]
pub(crate) struct Requested {
    /// How many they are.
    pub(crate) images: usize,
    /// What reading them needs, but for the end of the file.
    pub(crate) window: Window,
}

impl Requested {
    /// Returns that nothing need be requested.
    pub(crate) fn all(images: &[usize]) -> Self {
        Self { images: images.len(), window: Window::default() }
    }
}
