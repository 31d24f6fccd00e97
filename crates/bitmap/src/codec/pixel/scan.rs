//! Going through an image pixel by pixel, the same way to code and to decode.

use super::model::Model;
use super::template::{FEATURES, Feature, MARGIN, ROWS_ABOVE, TEMPLATE};
use crate::codec::tree::Observations;
use crate::kernels::unpack_rows;
use crate::view::BitmapView;

/// One side of the code: it tells what comes next, from the image or from the payload.
pub(super) trait Coder {
    /// What can go wrong.
    type Error;

    /// Whether so many rows are left of which nothing is to be told.
    fn is_over(&mut self, rows: usize) -> Result<bool, Self::Error>;

    /// Whether a row is the same as the one above; the first row has a blank one above.
    fn same(&mut self, row: usize, context: u32) -> bool;

    /// The pixels of a row, which differs from the one above. A pixel's context is what is given for it, and what the
    /// pixels to the left add to that.
    fn row(&mut self, row: usize, contexts: &[u32], pixels: &mut [u8]);
}

/// Goes through images; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// The last rows, one byte for each pixel, between margins; each row at its number modulo their number.
    rows: Vec<u8>,
    /// What each pixel's context owes to all but the pixels to its left: first the combination's number, then its class.
    combinations: Vec<u16>,
    contexts: Vec<u32>,
}

const ROWS: usize = ROWS_ABOVE + 1;

impl Scanner {
    /// Goes through an image of one pixel or more.
    pub(super) fn scan<C: Coder>(
        &mut self,
        model: &Model,
        [height, width]: [usize; 2],
        coder: &mut C,
    ) -> Result<(), C::Error> {
        self.start(width);
        let (mut was_same, mut is_blank) = (0, 1);
        for row in 0..height {
            if coder.is_over(height - row)? {
                break;
            }
            let same = coder.same(row, model.same().context(&[was_same, is_blank]));
            was_same = u8::from(same);
            if same {
                self.repeat(row, width);
                continue;
            }
            self.find_contexts(model, row, width);
            let pixels = &mut self.rows[range(row, width)];
            coder.row(row, &self.contexts, pixels);
            is_blank = u8::from(pixels.iter().all(|&pixel| pixel == 0));
        }
        Ok(())
    }

    /// Adds what an image shows, up to the row in which there are so many pixels.
    pub(super) fn observe(
        &mut self,
        image: BitmapView<'_>,
        compares_rows: bool,
        most: usize,
        pixels: &mut Observations,
        same: &mut Observations,
    ) {
        let width = image.width();
        self.start(width);
        let (mut was_same, mut is_blank) = (0, 1);
        for (row, packed) in image.rows().enumerate() {
            unpack_rows(packed, width, 0_u8, 1, &mut self.rows[range(row, width)]);
            let is_same =
                compares_rows && self.rows[range(row, width)] == self.rows[range(row + ROWS - 1, width)];
            same.add(Observations::features(&[was_same, is_blank], 1), u8::from(is_same));
            was_same = u8::from(is_same);
            if is_same {
                continue;
            }
            if pixels.len() > most {
                break;
            }
            for column in 0..width {
                let features: [u8; FEATURES] =
                    TEMPLATE.map(|feature| self.feature(feature, row, column, width));
                let pixel = self.rows[range(row, width).start + column];
                pixels.add(Observations::features(&features, 1), pixel);
            }
            is_blank = u8::from(self.rows[range(row, width)].iter().all(|&pixel| pixel == 0));
        }
    }

    fn start(&mut self, width: usize) {
        self.rows.clear();
        self.rows.resize(ROWS * (width + 2 * MARGIN), 0);
    }

    /// Makes a row the same as the one above.
    fn repeat(&mut self, row: usize, width: usize) {
        let above = range(row + ROWS - 1, width);
        self.rows.copy_within(above, range(row, width).start);
    }

    fn feature(&self, feature: Feature, row: usize, column: usize, width: usize) -> u8 {
        match feature {
            Feature::Left(left) => self.rows[range(row, width).start + column - usize::from(left)],
            Feature::Above(up, right) => {
                let start = range(row + ROWS - usize::from(up), width).start;
                self.rows[(start + column).wrapping_add_signed(right.into())]
            }
            Feature::Column(bit) => (column >> bit & 1) as u8,
            Feature::Row(bit) => (row >> bit & 1) as u8,
        }
    }

    /// What all but the pixels to the left give to the contexts of a row.
    fn find_contexts(&mut self, model: &Model, row: usize, width: usize) {
        self.combinations.clear();
        self.combinations.resize(width, 0);
        for &(feature, step) in model.others() {
            match feature {
                Feature::Above(up, right) => {
                    let start = range(row + ROWS - usize::from(up), width).start;
                    let pixels = &self.rows[start.wrapping_add_signed(right.into())..];
                    let contexts = self.combinations.iter_mut().zip(pixels);
                    contexts.for_each(|(context, &pixel)| *context += step * u16::from(pixel));
                }
                Feature::Column(bit) => {
                    let contexts = self.combinations.iter_mut().enumerate();
                    contexts.for_each(|(column, context)| *context += step * (column >> bit & 1) as u16);
                }
                Feature::Row(bit) => {
                    let step = step * (row >> bit & 1) as u16;
                    self.combinations.iter_mut().for_each(|context| *context += step);
                }
                Feature::Left(_) => {}
            }
        }
        self.contexts.clear();
        self.contexts.extend(self.combinations.iter().map(|&combination| model.pixels().second(combination)));
    }
}

/// Where a row's pixels are, between its margins.
fn range(row: usize, width: usize) -> std::ops::Range<usize> {
    let start = row % ROWS * (width + 2 * MARGIN) + MARGIN;
    start..start + width
}
