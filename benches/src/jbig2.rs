//! Encodes an image as a generic region of JBIG2 (ITU-T T.88, 6.2, template 0 with its nominal adaptive pixels), as
//! JBIG2 encoders do with a single image. Only the encoded data is counted, not the segment headers.

use bitnpz::BitmapView;

/// A state of the probability estimator (T.88, table E.1): the interval of the less probable symbol, the next state after the
/// more and after the less probable symbol, and whether the latter switches the two.
type MqState = (u32, u8, u8, bool);

#[rustfmt::skip]
const STATES: [MqState; 47] = [
    (0x5601, 1, 1, true), (0x3401, 2, 6, false), (0x1801, 3, 9, false), (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false), (0x0221, 38, 33, false), (0x5601, 7, 6, true), (0x5401, 8, 14, false),
    (0x4801, 9, 14, false), (0x3801, 10, 14, false), (0x3001, 11, 17, false), (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false), (0x1601, 29, 21, false), (0x5601, 15, 14, true), (0x5401, 16, 14, false),
    (0x5101, 17, 15, false), (0x4801, 18, 16, false), (0x3801, 19, 17, false), (0x3401, 20, 18, false),
    (0x3001, 21, 19, false), (0x2801, 22, 19, false), (0x2401, 23, 20, false), (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false), (0x1801, 26, 23, false), (0x1601, 27, 24, false), (0x1401, 28, 25, false),
    (0x1201, 29, 26, false), (0x1101, 30, 27, false), (0x0AC1, 31, 28, false), (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false), (0x0521, 34, 31, false), (0x0441, 35, 32, false), (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false), (0x0141, 38, 35, false), (0x0111, 39, 36, false), (0x0085, 40, 37, false),
    (0x0049, 41, 38, false), (0x0025, 42, 39, false), (0x0015, 43, 40, false), (0x0009, 44, 41, false),
    (0x0005, 45, 42, false), (0x0001, 45, 43, false), (0x5601, 46, 46, false),
];

/// The MQ encoder (T.88, annex E).
struct MqEncoder {
    a: u32,
    c: u32,
    count: u32,
    bytes: Vec<u8>,
}

impl MqEncoder {
    fn encode(&mut self, (state, more): &mut (u8, bool), bit: bool) {
        let (interval, next, next_less, switch) = STATES[usize::from(*state)];
        self.a -= interval;
        if bit == *more {
            if self.a & 0x8000 != 0 {
                self.c += interval;
                return;
            }
            if self.a < interval {
                self.a = interval;
            } else {
                self.c += interval;
            }
            *state = next;
        } else {
            if self.a < interval {
                self.c += interval;
            } else {
                self.a = interval;
            }
            *more ^= switch;
            *state = next_less;
        }
        while self.a & 0x8000 == 0 {
            self.a <<= 1;
            self.c <<= 1;
            self.count -= 1;
            if self.count == 0 {
                self.byte_out();
            }
        }
    }

    fn byte_out(&mut self) {
        let last = self.bytes.last_mut().expect("starts with one byte");
        if *last != 0xFF && self.c >= 0x0800_0000 {
            *last += 1;
            if *last == 0xFF {
                self.c &= 0x07FF_FFFF;
            }
        }
        if *last == 0xFF {
            self.bytes.push(self.c.to_be_bytes()[0] << 4 | self.c.to_be_bytes()[1] >> 4);
            self.c &= 0x000F_FFFF;
            self.count = 7;
        } else {
            self.bytes.push((self.c >> 19 & 0xFF).to_le_bytes()[0]);
            self.c &= 0x0007_FFFF;
            self.count = 8;
        }
    }

    fn finish(mut self) -> usize {
        let limit = self.c + self.a;
        self.c |= 0xFFFF;
        if self.c >= limit {
            self.c -= 0x8000;
        }
        for _ in 0..2 {
            self.c <<= self.count;
            self.byte_out();
        }
        self.bytes.len() - 1
    }
}

/// The template: for each row above, the offsets of its first and last column.
const TEMPLATE: [(usize, isize, isize); 3] = [(0, -4, -1), (1, -3, 3), (2, -2, 2)];

/// Whether a row equal to the one above is encoded as a single symbol (T.88, 6.2.5.7).
#[derive(Clone, Copy, PartialEq)]
enum Prediction {
    Off,
    Typical,
}

/// Returns the bytes of an encoded image, with or without typical prediction, whichever is less.
#[must_use]
pub fn generic_region(image: BitmapView<'_>) -> usize {
    [Prediction::Off, Prediction::Typical]
        .map(|prediction| encode(image, prediction))
        .into_iter()
        .min()
        .unwrap_or(0)
}

fn encode(image: BitmapView<'_>, prediction: Prediction) -> usize {
    let mut encoder = MqEncoder { a: 0x8000, c: 0, count: 12, bytes: vec![0] };
    let mut contexts = vec![(0_u8, false); 1 << 16];
    let mut was_typical = false;
    let pixel = |row: usize, up: usize, column: isize| {
        let (row, column) = (row.checked_sub(up), usize::try_from(column).ok());
        row.zip(column).and_then(|(row, column)| image.get(row, column)).unwrap_or(false)
    };
    for row in 0..image.height() {
        if prediction == Prediction::Typical {
            let above = row.checked_sub(1).and_then(|above| image.rows().nth(above));
            let this = image.rows().nth(row).unwrap_or_default();
            let is_typical = above.map_or(this.iter().all(|&byte| byte == 0), |above| above == this);
            encoder.encode(&mut contexts[0x9B25], is_typical != was_typical);
            was_typical = is_typical;
            if is_typical {
                continue;
            }
        }
        for column in 0..image.width().cast_signed() {
            let mut context = 0;
            for (up, first, last) in TEMPLATE {
                for right in first..=last {
                    context = context << 1 | usize::from(pixel(row, up, column + right));
                }
            }
            encoder.encode(&mut contexts[context], pixel(row, 0, column));
        }
    }
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use bitnpz::Bitmap;

    use super::*;

    /// T.88, H.2 prints a test sequence and its encoding.
    #[test]
    fn encodes_the_test_sequence_of_the_standard() {
        let data = b"\x00\x02\x00\x51\x00\x00\x00\xC0\x03\x52\x87\x2A\xAA\xAA\xAA\xAA\
                     \x82\xC0\x20\x00\xFC\xD7\x9E\xF6\xBF\x7F\xED\x90\x4F\x46\xA3\xBF";
        let expected = b"\x84\xC7\x3B\xFC\xE1\xA1\x43\x04\x02\x20\x00\x00\x41\x0D\xBB\x86\
                         \xF4\x31\x7F\xFF\x88\xFF\x37\x47\x1A\xDB\x6A\xDF";
        let mut encoder = MqEncoder { a: 0x8000, c: 0, count: 12, bytes: vec![0] };
        let mut context = (0, false);
        for byte in data {
            (0..8).rev().for_each(|bit| encoder.encode(&mut context, byte >> bit & 1 == 1));
        }
        assert_eq!(encoder.bytes[1..expected.len() - 2], expected[..expected.len() - 3]);
    }

    #[test]
    fn a_blank_image_takes_a_few_bytes() {
        assert!(generic_region(Bitmap::zeros(64, 64).unwrap().view()) < 8);
    }
}
