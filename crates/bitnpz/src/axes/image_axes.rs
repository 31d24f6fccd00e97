//! The choice of image axes, and its text form.

use std::fmt;
use std::str::FromStr;

/// The axes of an array that are the height and the width of its images.
///
/// ```
/// use bitnpz::ImageAxes;
///
/// assert_eq!("HWN".parse(), Ok(ImageAxes::Axes { height: 0, width: 1, dimensions: 3 }));
/// assert_eq!("28x28".parse(), Ok(ImageAxes::Flat { height: 28, width: 28 }));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageAxes {
    /// The last two axes, not counting trailing axes of length 1. Of an array in Fortran order, the first two instead if they make
    /// squarer images: COCO's tools decode masks like this.
    #[default]
    Inferred,
    /// Two given axes; all others count images.
    Axes {
        /// The axis of the height.
        height: usize,
        /// The axis of the width.
        width: usize,
        /// The number of axes of the array.
        dimensions: usize,
    },
    /// The last axis holds the pixels of an image, row by row.
    Flat {
        /// The height of an image in pixels.
        height: usize,
        /// The width of an image in pixels.
        width: usize,
    },
}

impl fmt::Display for ImageAxes {
    /// Writes the text that [`FromStr`] parses, or `inferred`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Inferred => f.write_str("inferred"),
            Self::Flat { height, width } => write!(f, "{height}x{width}"),
            Self::Axes { height, width, dimensions } => {
                let mut others = "NCDEFGIJKLMOPQRSTUVXYZ".chars().cycle();
                (0..dimensions).try_for_each(|axis| match axis {
                    _ if axis == height => f.write_str("H"),
                    _ if axis == width => f.write_str("W"),
                    _ => write!(f, "{}", others.next().unwrap_or('N')),
                })
            }
        }
    }
}

/// An error of parsing [`ImageAxes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAxesError(String);

impl fmt::Display for ParseAxesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a letter for each axis with one H and one W, such as HWN, or the size of flat images, such as 28x28; \
             found {:?}",
            self.0
        )
    }
}

impl std::error::Error for ParseAxesError {}

impl FromStr for ImageAxes {
    type Err = ParseAxesError;

    fn from_str(text: &str) -> std::result::Result<Self, ParseAxesError> {
        let invalid = || ParseAxesError(text.to_owned());
        if let Some((height, width)) = text.split_once('x') {
            let side = |text: &str| text.parse::<usize>().ok().filter(|&side| side > 0).ok_or_else(invalid);
            return Ok(Self::Flat { height: side(height)?, width: side(width)? });
        }
        let place = |letter: char| {
            let mut places =
                text.chars().enumerate().filter(|&(_, other)| other.eq_ignore_ascii_case(&letter));
            match (places.next(), places.next()) {
                (Some((place, _)), None) => Ok(place),
                _ => Err(invalid()),
            }
        };
        let is_valid = text.chars().all(|letter| letter.is_ascii_alphabetic());
        let (height, width) = (place('h')?, place('w')?);
        if is_valid { Ok(Self::Axes { height, width, dimensions: text.len() }) } else { Err(invalid()) }
    }
}
