//! Statistics of the images of an archive.

use std::collections::HashSet;
use std::hash::BuildHasher;

use bitnpz_bitmap::BitmapView;
use foldhash::quality::FixedState;

use super::archive::Archive;
use super::images::Images;
use super::stored_images::StoredImages;
use crate::error::Result;
use crate::interrupt;
use crate::progress::Steps;
use crate::set::StoredSet;

/// The number of bins of [`Stats::densities`]: tenths are enough for a histogram in a terminal.
const DENSITY_BINS: usize = 10;

/// Statistics of the images of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of images.
    pub images: usize,
    /// The number of their pixels.
    pub pixels: u64,
    /// The number of pixels whose bit is 1.
    pub ones: u64,
    /// The number of images that equal an earlier one, pixel for pixel.
    pub duplicates: usize,
    /// The number of images in which all pixels have the same bit.
    pub blank: usize,
    /// The size of the images in the file in bytes, without what images with keys of their own share, such as a model.
    pub bytes: u64,
    /// The numbers of images that take 0 bytes, 1 byte, 2 to 3, 4 to 7, and so on. The size of a stack that is compressed as a
    /// whole is divided equally among its images.
    pub sizes: Vec<usize>,
    /// The numbers of images in which up to a tenth of the pixels are 1, up to two tenths, and so on.
    pub densities: [usize; DENSITY_BINS],
}

impl Archive {
    /// Reads all images under the keys for which `is_counted` returns `true`, and returns their statistics. Calls `progress` with
    /// the steps done: images of sets, and other arrays. It takes 16 bytes of memory for each image, to recognize duplicates.
    ///
    /// ```
    /// use bitnpz::{Archive, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::unnamed(&WriteOptions::default())?;
    /// writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]], [[true, false]]])?;
    /// let mut bytes = Vec::new();
    /// writer.finish_into(&mut bytes)?;
    /// let stats = Archive::from_bytes(bytes)?.stats(|_| true, |_| ())?;
    /// assert_eq!((stats.images, stats.ones, stats.duplicates, stats.blank), (3, 4, 1, 1));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If an image cannot be read.
    pub fn stats(&self, is_counted: impl Fn(&str) -> bool, mut progress: impl FnMut(Steps)) -> Result<Stats> {
        let mut stats = Stats::default();
        let mut seen = SeenImages::default();
        let of_sets: usize = self.sets().iter().map(StoredSet::len).sum();
        let mut steps = Steps { done: 0, total: self.contents().members().count() + of_sets };
        for entry in self.entries() {
            let entry = entry?;
            let end = steps.done + entry.set_images().map_or(1, StoredImages::len);
            if !is_counted(entry.key()) || entry.image_count().is_none() {
                steps.done = end;
                continue;
            }
            let images = entry.to_images().map_err(|error| error.with_key(entry.key()))?;
            let bytes = entry.stored_bytes();
            stats.bytes += bytes;
            // Images without pixels are all equal, and may be more than can be read one by one.
            let alike =
                if images.image_size().is_some_and(|size| size.contains(&0)) { images.len() } else { 1 };
            for index in (0..images.len()).step_by(alike.max(1)) {
                interrupt::check()?;
                stats.add(&images, index, alike, bytes, &mut seen)?;
                steps.done = end.min(steps.done + 1);
                progress(steps);
            }
            steps.done = end;
        }
        // Members that cannot be read as arrays are no steps, and neither are keys that do not count.
        progress(Steps { done: steps.total, ..steps });
        Ok(stats)
    }
}

impl Stats {
    /// Adds `alike` equal images, the first of which is this one of `images`, which together take `all_bytes` bytes in the file.
    fn add(
        &mut self,
        images: &Images,
        index: usize,
        alike: usize,
        all_bytes: u64,
        seen: &mut SeenImages,
    ) -> Result<()> {
        let (ones, pixels, is_new) = images.with_bitmap(index, |image| {
            (image.count_ones() as u64, (image.height() * image.width()) as u64, seen.insert(image))
        })?;
        let bytes = images.payload_bytes(index)?.unwrap_or(all_bytes / images.len().max(1) as u64);
        let size = (u64::BITS - bytes.leading_zeros()) as usize;
        if self.sizes.len() <= size {
            self.sizes.resize(size + 1, 0);
        }
        self.sizes[size] = self.sizes[size].saturating_add(alike);
        let bin = ones.saturating_sub(1) * DENSITY_BINS as u64 / pixels.max(1);
        let bin = usize::try_from(bin).map_or(DENSITY_BINS - 1, |bin| bin.min(DENSITY_BINS - 1));
        self.densities[bin] = self.densities[bin].saturating_add(alike);
        self.images = self.images.saturating_add(alike);
        self.pixels += pixels;
        self.ones += ones;
        self.duplicates = self.duplicates.saturating_add(alike - usize::from(is_new));
        self.blank = self.blank.saturating_add(if ones == 0 || ones == pixels { alike } else { 0 });
        Ok(())
    }
}

/// A set of images, each as two hashes of 64 bits, which are far smaller than most images.
#[derive(Default)]
struct SeenImages(HashSet<[u64; 2], foldhash::fast::RandomState>);

impl SeenImages {
    /// Adds an image. Returns whether it is new.
    fn insert(&mut self, image: BitmapView<'_>) -> bool {
        let hashed = (image.height(), image.width(), image.as_bytes());
        self.0.insert([1, 2].map(|seed| FixedState::with_seed(seed).hash_one(hashed)))
    }
}
