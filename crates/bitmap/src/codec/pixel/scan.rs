//! Scanning an image row by row, the same way for the encoder and the decoder.

use super::model::PixelModel;
use super::template::Feature;
use super::window::Window;

/// One side of the codec: it encodes the rows of an image into symbols, or decodes symbols into rows.
pub(super) trait RowCodec {
    /// What can go wrong.
    type Error;

    /// Returns whether the `rows` rows that are left need no symbols.
    fn is_over(&mut self, rows: usize) -> Result<bool, Self::Error>;

    /// Codes whether a row is the same as the one above; above the first row is a blank one.
    fn same(&mut self, row: usize, context: u32) -> bool;

    /// Codes the pixels of a row that differs from the one above.
    ///
    /// `contexts` holds the context of each pixel, to which the pixels on its left have yet to be added.
    fn row(&mut self, row: usize, contexts: &[u32], pixels: &mut [u8]);
}

/// Scans images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    window: Window,
    /// For each pixel of the row, the number of the combination of the features other than the pixels to its left.
    combinations: Vec<u16>,
    /// For each pixel of the row, what that combination adds to its context.
    contexts: Vec<u32>,
}

impl Scanner {
    /// Scans an image of one pixel or more.
    pub(super) fn scan<C: RowCodec>(
        &mut self,
        model: &PixelModel,
        [height, width]: [usize; 2],
        codec: &mut C,
    ) -> Result<(), C::Error> {
        self.window.start(width);
        let (mut was_same, mut is_blank) = (0, 1);
        for row in 0..height {
            if codec.is_over(height - row)? {
                break;
            }
            let same = codec.same(row, model.same().context(&[was_same, is_blank]));
            was_same = u8::from(same);
            if same {
                self.window.repeat(row);
                continue;
            }
            self.find_contexts(model, row, width);
            let pixels = self.window.row_mut(row);
            codec.row(row, &self.contexts, pixels);
            is_blank = u8::from(pixels.iter().all(|&pixel| pixel == 0));
        }
        Ok(())
    }

    /// Finds what all features but the pixels to the left add to the contexts of a row.
    fn find_contexts(&mut self, model: &PixelModel, row: usize, width: usize) {
        self.combinations.clear();
        self.combinations.resize(width, 0);
        for &(feature, step) in model.others() {
            match feature {
                Feature::Above(up, right) => {
                    let pixels = self.window.pixels_from(row, up, right);
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
