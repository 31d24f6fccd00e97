//! Drawing images as text.

use bitnpz_bitmap::BitmapView;

/// The characters that images are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// Half blocks: two pixels per character, one above the other.
    #[default]
    Blocks,
    /// `#` and `.`, for terminals without Unicode: one pixel per character.
    Ascii,
}

/// Draws an image as text of at most this many columns, with its bits of 1 as ink.
///
/// Larger images are reduced by a whole factor. A reduced pixel is ink if any of its pixels is.
#[must_use]
pub fn draw(image: BitmapView<'_>, columns: usize, marks: Marks) -> String {
    if image.as_bytes().is_empty() {
        // An image of width 0 can have any number of rows.
        return String::new();
    }
    let reduce = image.width().div_ceil(columns.max(1)).max(1);
    let [height, width] = [image.height().div_ceil(reduce), image.width().div_ceil(reduce)];
    let ink = |row: usize, column: usize| {
        let rows = row * reduce..((row + 1) * reduce).min(image.height());
        let columns = column * reduce..((column + 1) * reduce).min(image.width());
        rows.into_iter().any(|row| image.bits(row)[columns.clone()].any())
    };
    let mut text = String::new();
    match marks {
        Marks::Ascii => {
            for row in 0..height {
                text.extend((0..width).map(|column| if ink(row, column) { '#' } else { '.' }));
                text.push('\n');
            }
        }
        Marks::Blocks => {
            for row in (0..height).step_by(2) {
                let letter = |column| match (ink(row, column), row + 1 < height && ink(row + 1, column)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                };
                text.extend((0..width).map(letter));
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use bitnpz_bitmap::Bitmap;

    use super::*;

    #[test]
    fn draws_to_fit() {
        let mut bitmap = Bitmap::zeros(3, 4).unwrap();
        bitmap.set(0, 0, true);
        bitmap.set(1, 1, true);
        bitmap.set(2, 3, true);
        assert_eq!(draw(bitmap.view(), 80, Marks::Ascii), "#...\n.#..\n...#\n");
        assert_eq!(draw(bitmap.view(), 80, Marks::Blocks), "▀▄  \n   ▀\n");
        assert_eq!(draw(bitmap.view(), 2, Marks::Ascii), "#.\n.#\n");
        assert_eq!(draw(Bitmap::zeros(0, 0).unwrap().view(), 10, Marks::Blocks), "");
    }
}
