//! Comparing two archives.

use bitnpz_npy::DynArray;

use super::archive::Archive;
use super::entry::Entry;
use super::images::Images;
use super::item::Item;
use crate::error::Result;
use crate::interrupt;
use crate::progress::Steps;

/// A key under which two archives differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The key.
    pub key: String,
    /// The kind of difference.
    pub kind: DifferenceKind,
}

/// The kind of a [`Difference`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// Only the first archive has the key.
    OnlyInFirst,
    /// Only the second archive has the key.
    OnlyInSecond,
    /// The arrays differ in dtype or shape.
    Types {
        /// The dtype and shape in the first archive, such as `|b1 (3, 28, 28)`.
        first: String,
        /// The dtype and shape in the second archive.
        second: String,
    },
    /// Images differ in their values.
    Images {
        /// The indices of the images that differ, over all dimensions but the last two.
        numbers: Vec<usize>,
        /// The number of images in the array.
        of: usize,
    },
    /// Arrays that are not images, or other members, differ in their contents.
    Values,
}

impl Archive {
    /// Compares this archive with another under the keys for which `is_compared` returns `true`: keys, dtypes, shapes and values,
    /// whatever the encodings. Calls `progress` with the number of keys done.
    ///
    /// ```
    /// use bitnpz::{Archive, OpenOptions, WriteOptions, Writer};
    /// use ndarray::array;
    ///
    /// let archive = |pixel: bool| {
    ///     let mut writer = Writer::unnamed(&WriteOptions::default())?;
    ///     writer.add_images("glyphs", &array![[[true, false]], [[pixel, true]]])?;
    ///     let mut bytes = Vec::new();
    ///     writer.finish_into(&mut bytes)?;
    ///     Archive::from_bytes(bytes)
    /// };
    /// let differences = archive(true)?.diff(&archive(false)?, |_| true, |_| ())?;
    /// assert_eq!(differences.len(), 1);
    /// assert!(matches!(&differences[0].kind, bitnpz::DifferenceKind::Images { numbers, .. } if *numbers == [1]));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If an array cannot be read.
    pub fn diff(
        &self,
        other: &Self,
        is_compared: impl Fn(&str) -> bool,
        mut progress: impl FnMut(Steps),
    ) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        let mut steps = Steps { done: 0, total: self.len() + self.other_len() };
        for key in self.names() {
            interrupt::check()?;
            let kind = if !is_compared(&key) {
                None
            } else if other.has(&key) {
                self.diff_of(other, &key).map_err(|error| error.with_key(&key))?
            } else {
                Some(DifferenceKind::OnlyInFirst)
            };
            differences.extend(kind.map(|kind| Difference { key, kind }));
            steps.done += 1;
            progress(steps);
        }
        let only_in_second = other.names().filter(|key| is_compared(key) && !self.has(key));
        let kind = DifferenceKind::OnlyInSecond;
        differences.extend(only_in_second.map(|key| Difference { key, kind: kind.clone() }));
        Ok(differences)
    }

    /// Returns whether there is an array or another member of this name.
    fn has(&self, name: &str) -> bool {
        self.contains(name) || self.contains_other(name)
    }

    /// Compares the items under a key that both archives have.
    fn diff_of(&self, other: &Self, key: &str) -> Result<Option<DifferenceKind>> {
        let (first, second) = match (self.item(key)?, other.item(key)?) {
            (Item::Array(first), Item::Array(second)) => (first, second),
            (Item::Other(first), Item::Other(second)) => {
                return Ok((first.read()? != second.read()?).then_some(DifferenceKind::Values));
            }
            _ => return Ok(Some(DifferenceKind::Values)),
        };
        if first.dtype() != second.dtype() || first.shape() != second.shape() {
            let [first, second] = [first, second].map(|entry| type_of(&entry));
            return Ok(Some(DifferenceKind::Types { first, second }));
        }
        if first.image_count().is_some() && second.image_count().is_some() {
            let images = [self.images(key)?, other.images(key)?];
            if lie_alike([&first, &second], &images) {
                return diff_of_images(&images[0], &images[1]);
            }
        }
        let (first_array, second_array) = (first.to_array()?, second.to_array()?);
        if first.image_count().is_some() || second.image_count().is_some() {
            diff_of_image_arrays(&first_array, &second_array)
        } else {
            let is_same = first_array.view().to_c_order()? == second_array.view().to_c_order()?;
            Ok((!is_same).then_some(DifferenceKind::Values))
        }
    }
}

/// Returns whether the images of two arrays of one shape lie along the same axes, so that each can be compared with that of its
/// number.
fn lie_alike(entries: [&Entry<'_>; 2], images: &[Images; 2]) -> bool {
    let [first, second] = entries;
    let lie_last = || entries.iter().zip(images).all(|(entry, images)| entry.trailing(images).is_some());
    images[0].shape() == images[1].shape() && (first.image_axes() == second.image_axes() || lie_last())
}

/// Formats the dtype and shape of an array.
fn type_of(entry: &Entry<'_>) -> String {
    let sides: Vec<String> = entry.shape().iter().map(ToString::to_string).collect();
    let comma = if sides.len() == 1 { "," } else { "" };
    format!("{} ({}{comma})", entry.dtype().type_string(), sides.join(", "))
}

/// Compares two stacks of one dtype and shape, image by image.
fn diff_of_images(first: &Images, second: &Images) -> Result<Option<DifferenceKind>> {
    if first.image_size().is_some_and(|size| size.contains(&0)) {
        // There may be more than can be read one by one.
        return Ok(None);
    }
    let same_values = first.values() == second.values();
    let mut numbers = Vec::new();
    for number in 0..first.len() {
        interrupt::check()?;
        let is_same = if same_values {
            let bitmap = second.bitmap(number)?;
            first.with_bitmap(number, |image| image.as_bytes() == bitmap.view().as_bytes())?
        } else {
            // The same value may be bit 0 in one archive and bit 1 in the other.
            first.read_dyn(number)?.view().data() == second.read_dyn(number)?.view().data()
        };
        if !is_same {
            numbers.push(number);
        }
    }
    let of = first.len();
    Ok((!numbers.is_empty()).then_some(DifferenceKind::Images { numbers, of }))
}

/// Compares two arrays of one dtype and shape as images along their last two axes.
fn diff_of_image_arrays(first: &DynArray, second: &DynArray) -> Result<Option<DifferenceKind>> {
    let (shape, item_size) = (first.header().shape.as_slice(), first.header().dtype.item_size());
    let (first, second) = (first.view().to_c_order()?, second.view().to_c_order()?);
    if first == second {
        return Ok(None);
    }
    let [stack @ .., height, width] = shape else { return Ok(Some(DifferenceKind::Values)) };
    let bytes = (height * width * item_size).max(1);
    let images = first.chunks(bytes).zip(second.chunks(bytes)).enumerate();
    let numbers = images.filter(|(_, (first, second))| first != second).map(|(number, _)| number).collect();
    Ok(Some(DifferenceKind::Images { numbers, of: stack.iter().product() }))
}
