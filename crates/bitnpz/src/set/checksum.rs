//! Checksums of groups of images, that tell which of them is damaged.

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::RowSink;
use crc32fast::Hasher;

/// Images of one checksum.
pub(super) const GROUP: usize = 128;

/// The bytes of one checksum.
pub(super) const BYTES: usize = 8;

/// The sum of the CRC-32 of a group's images, and the sum of their products with the weights of their places; both modulo
/// 2^32. If one of them differs, the ratio of the differences is the weight of its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    sums: [u32; 2],
    images: u32,
    /// The places of images that could not be read.
    missing: Vec<u32>,
}

/// The weight of a place: numbers that are in no simple relation to each other.
fn weight(place: u32) -> u32 {
    crc32fast::hash(&place.to_le_bytes())
}

impl Checksum {
    /// Adds the next image.
    pub(super) fn add(&mut self, image: BitmapView<'_>) {
        let mut crc = ImageCrc::default();
        crc.start([image.height(), image.width()]);
        crc.image(image);
        self.add_crc(crc.finish());
    }

    /// Adds the next image, which is the same as the one with this number.
    pub(super) fn add_repeat(&mut self, first: usize) {
        self.add_crc(crc32fast::hash(&(first as u64).to_le_bytes()));
    }

    /// Leaves the next image out, which cannot be read.
    pub(super) fn skip(&mut self) {
        self.missing.push(self.images);
        self.images += 1;
    }

    /// Adds the next image by its CRC-32.
    pub(super) fn add_crc(&mut self, crc: u32) {
        let [sum, weighted] = &mut self.sums;
        *sum = sum.wrapping_add(crc);
        *weighted = weighted.wrapping_add(crc.wrapping_mul(weight(self.images)));
        self.images += 1;
    }

    pub(super) fn to_bytes(&self) -> [u8; BYTES] {
        let [sum, weighted] = self.sums.map(u32::to_le_bytes);
        [sum[0], sum[1], sum[2], sum[3], weighted[0], weighted[1], weighted[2], weighted[3]]
    }

    /// Which of the images that could be read are damaged, if these bytes should be the checksum.
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
            // The checksum gives the one that is missing; twice, if the others are whole.
            [place] if explains(place) => Damage::None,
            _ => Damage::Some,
        }
    }

    fn sums([a, b, c, d, e, f, g, h]: [u8; BYTES]) -> [u32; 2] {
        [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes)
    }
}

/// The CRC-32 of an image: of its height and width, and of its packed rows, as they come.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageCrc {
    crc: Hasher,
    /// The last row, once there is one.
    row: Vec<u8>,
    stride: usize,
}

/// Repeated rows of fewer bytes together are gone through one by one.
const FEW: usize = 1 << 12;

impl ImageCrc {
    /// Starts on an image of this height and width.
    pub(super) fn start(&mut self, size: [usize; 2]) {
        self.crc.reset();
        for side in size {
            self.crc.update(&(side as u64).to_le_bytes());
        }
        self.row.clear();
        self.stride = size[1].div_ceil(8);
    }

    pub(super) fn finish(&self) -> u32 {
        self.crc.clone().finalize()
    }
}

impl RowSink for ImageCrc {
    fn row(&mut self, fill: impl FnOnce(&mut [u8])) {
        self.row.resize(self.stride, 0);
        fill(&mut self.row);
        self.crc.update(&self.row);
    }

    /// In time that depends on the number of digits that `count` has.
    fn repeat(&mut self, mut count: usize) {
        self.row.resize(self.stride, 0);
        if count.saturating_mul(self.row.len()) < FEW {
            (0..count).for_each(|_| self.crc.update(&self.row));
            return;
        }
        // Of 1, 2, 4, 8 ... rows, of which those are added that `count` is the sum of.
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

/// What a checksum tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    None,
    /// The image at this place of the group.
    One(usize),
    /// Some, and it is not known which.
    Some,
}

#[cfg(test)]
mod tests {
    use bitnpz_bitmap::Bitmap;

    use super::*;

    fn checksum(images: &[Bitmap]) -> Checksum {
        let mut checksum = Checksum::default();
        images.iter().for_each(|image| checksum.add(image.view()));
        checksum
    }

    fn flip(image: &mut Bitmap) {
        let pixel = image.get(0, 0).unwrap();
        image.set(0, 0, !pixel);
    }

    #[test]
    fn are_repeated_rows_the_same_as_one_by_one() {
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
    fn is_one_damaged_image_found() {
        let mut images = vec![Bitmap::zeros(5, 9).unwrap(); GROUP];
        (0..GROUP).for_each(|number| images[number].set(number % 5, number % 9, number % 2 == 0));
        let expected = checksum(&images).to_bytes();
        assert_eq!(checksum(&images).damage(expected), Damage::None);
        for number in 0..GROUP {
            let mut damaged = images.clone();
            flip(&mut damaged[number]);
            assert_eq!(checksum(&damaged).damage(expected), Damage::One(number));
            flip(&mut damaged[GROUP - 1 - number]);
            assert_eq!(checksum(&damaged).damage(expected), Damage::Some);
            let mut without = Checksum::default();
            let places = images.iter().enumerate();
            places.for_each(
                |(place, image)| if place == number { without.skip() } else { without.add(image.view()) },
            );
            assert_eq!(without.damage(expected), Damage::None);
        }
    }
}
