//! Checksums of blocks of images, which tell which image is damaged.

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::RowSink;
use crc32fast::Hasher;

/// The length of a checksum in bytes.
pub(super) const BYTES: usize = 8;

/// The sum of the CRC-32 of a block's images, and the sum of their products with the weights of their places, both modulo
/// 2^32. If one image is damaged, the ratio of the two differences is the weight of its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    sums: [u32; 2],
    images: u32,
    /// The places of images that could not be read.
    missing: Vec<u32>,
}

/// Returns the weight of a place: weights are in no simple relation to each other.
fn weight(place: u32) -> u32 {
    crc32fast::hash(&place.to_le_bytes())
}

impl Checksum {
    /// Adds the next image, which repeats the one with this number.
    pub(super) fn add_repeat(&mut self, first: usize) {
        self.add_crc(Self::repeat_crc(first));
    }

    /// Returns the CRC-32 that stands for a repeat of the image with this number.
    pub(super) fn repeat_crc(first: usize) -> u32 {
        crc32fast::hash(&(first as u64).to_le_bytes())
    }

    /// Changes the CRC-32 of the image in this place of a stored checksum.
    pub(super) fn changed(stored: [u8; BYTES], place: usize, before: u32, after: u32) -> [u8; BYTES] {
        let [sum, weighted] = Self::sums(stored);
        let by = after.wrapping_sub(before);
        let weight = weight(u32::try_from(place).expect("a place in a block"));
        let sums = [sum.wrapping_add(by), weighted.wrapping_add(by.wrapping_mul(weight))];
        Self { sums, ..Self::default() }.to_bytes()
    }

    /// Leaves out the next image, which cannot be read.
    pub(super) fn skip(&mut self) {
        self.missing.push(self.images);
        self.images += 1;
    }

    /// Adds the next image by its CRC-32.
    pub(super) fn add_crc(&mut self, crc: u32) {
        self.add_crc_at(self.images as usize, crc);
    }

    /// Adds the image in this place by its CRC-32, in any order.
    pub(super) fn add_crc_at(&mut self, place: usize, crc: u32) {
        let weighted = crc.wrapping_mul(weight(u32::try_from(place).expect("a place in a block")));
        self.add_all(&Self { sums: [crc, weighted], images: 1, missing: Vec::new() });
    }

    /// Adds other images of the block, all of which could be read.
    pub(super) fn add_all(&mut self, others: &Self) {
        self.sums.iter_mut().zip(others.sums).for_each(|(sum, other)| *sum = sum.wrapping_add(other));
        self.images += others.images;
    }

    /// Returns the number of images that were added.
    pub(super) fn images(&self) -> usize {
        self.images as usize
    }

    pub(super) fn to_bytes(&self) -> [u8; BYTES] {
        let [sum, weighted] = self.sums.map(u32::to_le_bytes);
        [sum[0], sum[1], sum[2], sum[3], weighted[0], weighted[1], weighted[2], weighted[3]]
    }

    /// Returns which of the images that could be read are damaged, given the stored checksum.
    pub(super) fn damage(&self, expected: [u8; BYTES]) -> Damage {
        let [[sum, weighted], [expected_sum, expected_weighted]] = [self.sums, Self::sums(expected)];
        let (by, weighted_by) = (expected_sum.wrapping_sub(sum), expected_weighted.wrapping_sub(weighted));
        let explains = |&place: &u32| by.wrapping_mul(weight(place)) == weighted_by;
        match self.missing.as_slice() {
            [] if by == 0 && weighted_by == 0 => Damage::None,
            [] if by == 0 => Damage::Some,
            [] => {
                let mut places = (0..self.images).filter(explains);
                match (places.next(), places.next()) {
                    (Some(place), None) => Damage::One(place as usize),
                    _ => Damage::Some,
                }
            }
            // If the others are undamaged, both sums give the same CRC for the missing one.
            [place] if explains(place) => Damage::None,
            _ => Damage::Some,
        }
    }

    fn sums([a, b, c, d, e, f, g, h]: [u8; BYTES]) -> [u32; 2] {
        [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes)
    }
}

/// A sink of rows that must know the size of each image.
pub(super) trait ImageSink: RowSink {
    /// Starts an image of this height and width.
    fn start(&mut self, size: [usize; 2]);
}

/// Computes the CRC-32 of an image: of its height and width, and of its packed rows, as they are decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageCrc {
    crc: Hasher,
    /// The last row, if there was one.
    row: Vec<u8>,
    stride: usize,
}

/// Repeated rows of fewer bytes in all are hashed one by one: combining hashes costs about as much as hashing 4 KiB.
const FEW_BYTES: usize = 1 << 12;

impl ImageCrc {
    /// Returns the CRC-32 of an image.
    pub(super) fn of(image: BitmapView<'_>) -> u32 {
        let mut crc = Self::default();
        crc.start([image.height(), image.width()]);
        crc.image(image);
        crc.finish()
    }

    /// Returns the hash of a height and width.
    pub(super) fn of_size(size: [usize; 2]) -> Hasher {
        let mut crc = Hasher::new();
        size.iter().for_each(|&side| crc.update(&(side as u64).to_le_bytes()));
        crc
    }

    pub(super) fn finish(&self) -> u32 {
        self.crc.clone().finalize()
    }
}

impl ImageSink for ImageCrc {
    fn start(&mut self, size: [usize; 2]) {
        self.crc = Self::of_size(size);
        self.row.clear();
        self.stride = size[1].div_ceil(8);
    }
}

impl RowSink for ImageCrc {
    fn row(&mut self, fill: impl FnOnce(&mut [u8])) {
        self.row.resize(self.stride, 0);
        fill(&mut self.row);
        self.crc.update(&self.row);
    }

    /// Takes time in proportion to the logarithm of `count`.
    fn repeat(&mut self, mut count: usize) {
        self.row.resize(self.stride, 0);
        if count.saturating_mul(self.row.len()) < FEW_BYTES {
            (0..count).for_each(|_| self.crc.update(&self.row));
            return;
        }
        // The hash of 1, 2, 4, 8 ... rows: those are combined whose numbers sum up to `count`.
        let mut rows = Hasher::new();
        rows.update(&self.row);
        while count > 0 {
            if count % 2 == 1 {
                self.crc.combine(&rows);
            }
            let same = rows.clone();
            rows.combine(&same);
            count /= 2;
        }
    }

    fn image(&mut self, image: BitmapView<'_>) {
        self.crc.update(image.as_bytes());
    }
}

/// What a checksum tells about the images of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    None,
    /// The image at this place in the block is damaged.
    One(usize),
    /// Some images are damaged, and it is not known which.
    Some,
}

#[cfg(test)]
mod tests {
    use bitnpz_bitmap::Bitmap;

    use super::super::directory::BLOCK;
    use super::*;

    fn checksum(images: &[Bitmap]) -> Checksum {
        let mut checksum = Checksum::default();
        images.iter().for_each(|image| checksum.add_crc(ImageCrc::of(image.view())));
        checksum
    }

    fn flip(image: &mut Bitmap) {
        let pixel = image.get(0, 0).unwrap();
        image.set(0, 0, !pixel);
    }

    #[test]
    fn repeated_rows_hash_as_single_rows_do() {
        for (height, width) in [(1, 1), (3, 70), (1000, 9), (5000, 300), (65_536, 64)] {
            let row = |row: &mut [u8]| row.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
            let (mut at_once, mut each) = (ImageCrc::default(), ImageCrc::default());
            at_once.start([height, width]);
            each.start([height, width]);
            at_once.repeat(7);
            (0..7).for_each(|_| each.row(|row| row.fill(0)));
            at_once.row(row);
            at_once.repeat(height - 1);
            (0..height).for_each(|_| each.row(row));
            assert_eq!(at_once.finish(), each.finish());
        }
    }

    #[test]
    fn finds_one_damaged_image() {
        let mut images = vec![Bitmap::zeros(5, 9).unwrap(); BLOCK];
        (0..BLOCK).for_each(|number| images[number].set(number % 5, number % 9, number % 2 == 0));
        let expected = checksum(&images).to_bytes();
        assert_eq!(checksum(&images).damage(expected), Damage::None);
        for number in 0..BLOCK {
            let mut damaged = images.clone();
            flip(&mut damaged[number]);
            assert_eq!(checksum(&damaged).damage(expected), Damage::One(number));
            flip(&mut damaged[BLOCK - 1 - number]);
            assert_eq!(checksum(&damaged).damage(expected), Damage::Some);
            let mut without = Checksum::default();
            let places = images.iter().enumerate();
            places.for_each(|(place, image)| match place == number {
                true => without.skip(),
                false => without.add_crc(ImageCrc::of(image.view())),
            });
            assert_eq!(without.damage(expected), Damage::None);
        }
    }
}
