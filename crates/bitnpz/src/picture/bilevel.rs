//! Reducing a picture to one bit per pixel.

use std::fmt;

use bitnpz_bitmap::Bitmap;
use bitnpz_npy::with_room;
use ndarray::Array2;

use super::fault::Fault;
use super::options::{Background, Polarity, ReadOptions};
use super::raster::{Colour, Raster};

/// The two colours of a picture that are not black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoColours {
    /// The red, green and blue of the colour that is read as black.
    pub darker: [f64; 3],
    /// The red, green and blue of the colour that is read as white.
    pub lighter: [f64; 3],
    /// The threshold that separates them: the brightness of the lighter one.
    pub threshold: f64,
}

impl fmt::Display for TwoColours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rather than {}", DisplayColour(self.lighter), DisplayColour(self.darker))
    }
}

/// Displays a colour, as one number if it is a grey.
struct DisplayColour(Colour);

impl fmt::Display for DisplayColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        if red == green && green == blue { write!(f, "{red}") } else { write!(f, "({red}, {green}, {blue})") }
    }
}

/// The values of a picture that cannot be read without a threshold.
#[derive(Debug)]
pub(super) struct NeedsThreshold {
    /// The row and the column of a pixel that has neither the lowest nor the highest brightness.
    pub(super) pixel: [usize; 2],
    /// Its brightness.
    pub(super) found: f64,
    /// A threshold midway between the lowest and the highest brightness.
    pub(super) threshold: f64,
}

/// A picture of one bit per pixel, and the choices made to get it.
#[derive(Debug)]
pub(super) struct Bilevel {
    pub(super) bitmap: Bitmap,
    pub(super) colours: Option<TwoColours>,
    pub(super) background: Option<Background>,
}

/// Why a picture cannot be reduced to one bit per pixel.
#[derive(Debug)]
pub(super) enum BilevelError {
    NeedsThreshold(NeedsThreshold),
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for BilevelError {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Reduces a picture to one bit per pixel: by the threshold, or by its two colours.
pub(super) fn reduce(pixels: &Raster, options: &ReadOptions) -> Result<Bilevel, BilevelError> {
    let background = background(pixels, options.background);
    let shade = if background == Some(Background::Black) { 0.0 } else { pixels.white };
    let (threshold, colours) = match options.threshold {
        None => two_values(pixels, shade)?,
        // If the threshold would make a picture of two colours blank, their own threshold is used.
        Some(threshold) => match two_values(pixels, shade) {
            Ok((own, Some(colours))) if !(pixels.luma(colours.darker) < threshold && threshold <= own) => {
                (own, Some(colours))
            }
            _ => (threshold, None),
        },
    };
    let mut bits = with_room(pixels.len())?;
    let is_on = |pixel| pixels.luma(pixels.colour(pixel, shade)) >= threshold;
    bits.extend((0..pixels.len()).map(|pixel| is_on(pixel) == (options.polarity == Polarity::WhiteIsOne)));
    let image = Array2::from_shape_vec((pixels.height, pixels.width), bits);
    let image = image.map_err(|error| Fault::Message(error.to_string()))?;
    let (bitmap, _) = Bitmap::pack(&image).map_err(|error| Fault::Message(error.to_string()))?;
    Ok(Bilevel { bitmap, colours, background })
}

/// Returns the background for a picture, or `None` if all its pixels are opaque.
fn background(pixels: &Raster, chosen: Background) -> Option<Background> {
    if !pixels.layout.has_alpha() || (0..pixels.len()).all(|pixel| pixels.alpha(pixel) == pixels.white) {
        return None;
    }
    if chosen != Background::Contrast {
        return Some(chosen);
    }
    let is_visible = |pixel| pixels.alpha(pixel) > 0.0;
    let is_white = |pixel| pixels.colour(pixel, pixels.white) == [pixels.white; 3];
    let is_lost_on_white = (0..pixels.len()).any(is_visible) && (0..pixels.len()).all(is_white);
    Some(if is_lost_on_white { Background::Black } else { Background::White })
}

/// Returns the threshold of a picture that has at most two colours, and the colours if they are not black and white.
fn two_values(pixels: &Raster, background: f64) -> Result<(f64, Option<TwoColours>), BilevelError> {
    let colours = || (0..pixels.len()).map(|pixel| pixels.colour(pixel, background));
    let (black, white) = ([0.0; 3], [pixels.white; 3]);
    let Some(first) = colours().next() else { return Ok((pixels.white, None)) };
    let second = colours().find(|&colour| colour != first);
    let is_third = |colour: &Colour| *colour != first && Some(*colour) != second;
    let has_more = second.is_some() && colours().any(|colour| is_third(&colour));
    match second {
        None if first == black || first == white => Ok((pixels.white, None)),
        Some(second) if !has_more && pixels.luma(first) != pixels.luma(second) => {
            let is_ordered = pixels.luma(first) < pixels.luma(second);
            let (darker, lighter) = if is_ordered { (first, second) } else { (second, first) };
            let is_plain = darker == black && lighter == white;
            let threshold = pixels.luma(lighter);
            Ok((threshold, (!is_plain).then_some(TwoColours { darker, lighter, threshold })))
        }
        _ => Err(BilevelError::NeedsThreshold(needed_threshold(pixels, background))),
    }
}

/// Suggests a threshold for a picture of more than two colours.
fn needed_threshold(pixels: &Raster, background: f64) -> NeedsThreshold {
    let luma = |pixel| pixels.luma(pixels.colour(pixel, background));
    let lumas = || (0..pixels.len()).map(luma);
    let (least, most) = lumas()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), luma| (least.min(luma), most.max(luma)));
    let pixel = lumas().position(|luma| luma != least && luma != most).unwrap_or(0);
    let middle = (least + most) / 2.0;
    let is_whole = least.fract() == 0.0 && most.fract() == 0.0 && most - least >= 1.0;
    NeedsThreshold {
        pixel: [pixel / pixels.width, pixel % pixels.width],
        found: luma(pixel),
        threshold: if is_whole { middle.ceil() } else { middle },
    }
}
