//! The template: the pixels before a pixel that can be its features, and its position.

/// One bit that both sides know before they code a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// The pixel this many columns to the left.
    Left(u8),
    /// The pixel this many rows up and columns to the right.
    Above(u8, i8),
    /// This bit of the number of the column.
    Column(u8),
    /// This bit of the number of the row.
    Row(u8),
}

/// The columns to the left and to the right of an image whose pixels count as 0; no feature reaches farther.
pub(super) const MARGIN: usize = 8;
/// The rows above that the template reaches.
pub(super) const ROWS_ABOVE: usize = 8;

/// The number of features to choose from.
pub(super) const FEATURES: usize = 40;

/// The number of pixels to the left, which come first.
pub(super) const LEFT: usize = 8;

/// The features that a model chooses from.
///
/// They are the 16 pixels of a JBIG2 template (ITU-T T.88, 6.2.5.3) and some around them, pixels at the periods of common
/// dithers, and the position within a period.
#[rustfmt::skip]
pub(super) const TEMPLATE: [Feature; FEATURES] = {
    use Feature::{Above, Column, Left, Row};
    [
        Left(1), Left(2), Left(3), Left(4), Left(5), Left(6), Left(7), Left(8),
        Above(1, -4), Above(1, -3), Above(1, -2), Above(1, -1), Above(1, 0),
        Above(1, 1), Above(1, 2), Above(1, 3), Above(1, 4), Above(1, 5),
        Above(2, -3), Above(2, -2), Above(2, -1), Above(2, 0), Above(2, 1), Above(2, 2), Above(2, 3),
        Above(3, -1), Above(3, 0), Above(3, 1), Above(4, -4), Above(4, 0), Above(4, 4),
        Above(6, 0), Above(8, -8), Above(8, 0),
        Column(0), Column(1), Column(2), Row(0), Row(1), Row(2),
    ]
};
