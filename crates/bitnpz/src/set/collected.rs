//! Images that are collected for a segment.

use bitnpz_bitmap::BitmapView;
use bitnpz_npy::make_room;

use super::keys::KeyList;
use crate::error::Result;

/// Images that are collected for a segment: their packed rows one after the other, their sizes, and their keys if they have any.
#[derive(Debug, Default)]
pub(super) struct CollectedImages {
    rows: Vec<u8>,
    sizes: Vec<[usize; 2]>,
    keys: KeyList,
}

/// An image that is in no segment yet.
#[derive(Debug)]
pub(crate) struct CollectedImage<'a> {
    /// Its key, if it has one of its own.
    pub(crate) key: Option<String>,
    /// Its height and width.
    pub(crate) size: [usize; 2],
    /// Its packed rows.
    pub(crate) rows: &'a [u8],
}

impl CollectedImages {
    /// Adds an image of these packed rows.
    pub(super) fn push(&mut self, rows: &[u8], size: [usize; 2], key: Option<&str>) -> Result<()> {
        make_room(&mut self.rows, rows.len())?;
        self.rows.extend_from_slice(rows);
        self.sizes.push(size);
        if let Some(key) = key {
            self.keys.push(key);
        }
        Ok(())
    }

    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Returns the packed rows of all images.
    pub(super) fn rows(&self) -> &[u8] {
        &self.rows
    }

    /// Returns the keys, in the order of the images.
    pub(super) fn keys(&self) -> &KeyList {
        &self.keys
    }

    /// Returns the keys alone.
    pub(super) fn into_keys(self) -> KeyList {
        self.keys
    }

    /// Returns the packed rows of all images.
    pub(super) fn into_rows(self) -> Vec<u8> {
        self.rows
    }

    /// Returns the height and width of all images; `None` if they differ.
    pub(super) fn common_size(&self) -> Option<[usize; 2]> {
        self.sizes.first().copied().filter(|first| self.sizes.iter().all(|size| size == first))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = CollectedImage<'_>> {
        let mut rest = self.rows.as_slice();
        self.sizes.iter().enumerate().map(move |(image, &size @ [height, width])| {
            let rows = rest.split_off(..height * width.div_ceil(8)).expect("rows that were added");
            CollectedImage { key: self.keys.key(image), size, rows }
        })
    }

    /// Returns all images as bitmaps.
    pub(super) fn bitmaps(&self) -> Vec<BitmapView<'_>> {
        let mut rest = self.rows.as_slice();
        let bitmaps = self.sizes.iter().map(|&[height, width]| {
            let rows = rest.split_off(..height * width.div_ceil(8)).expect("rows that were added");
            BitmapView::new(height, width, rows).expect("rows that were packed")
        });
        bitmaps.collect()
    }
}
