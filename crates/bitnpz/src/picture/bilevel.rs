//! From pixels to bits.

use std::fmt;

use bitnpz_bitmap::Bitmap;
use bitnpz_npy::with_room;
use ndarray::Array2;

use super::fault::Fault;
use super::pixels::{Colour, Pixels};
use super::read::{Background, Ink, ReadOptions};

/// The two colours of a picture that is not black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoColours {
    /// The red, green and blue that count as black.
    pub darker: [f64; 3],
    /// Those that count as white.
    pub lighter: [f64; 3],
    /// The threshold that tells them apart: the brightness of the lighter.
    pub threshold: f64,
}

impl fmt::Display for TwoColours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rather than {}", Shown(self.lighter), Shown(self.darker))
    }
}

/// A colour as people read it: one number if it is a grey.
struct Shown(Colour);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        if red == green && green == blue { write!(f, "{red}") } else { write!(f, "({red}, {green}, {blue})") }
    }
}

/// Why a picture needs a threshold.
#[derive(Debug)]
pub(super) struct Grey {
    /// The row and the column of a pixel that is neither the darkest nor the lightest.
    pub(super) pixel: [usize; 2],
    /// Its brightness.
    pub(super) found: f64,
    /// A threshold between what is there.
    pub(super) threshold: f64,
}

/// The bits of a picture, and what had to be decided to get them.
#[derive(Debug)]
pub(super) struct Bits {
    pub(super) bitmap: Bitmap,
    pub(super) colours: Option<TwoColours>,
    pub(super) ground: Option<Background>,
}

/// Why there are no bits.
#[derive(Debug)]
pub(super) enum Unmade {
    Grey(Grey),
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Unmade {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

pub(super) fn bits(pixels: &Pixels, options: &ReadOptions) -> Result<Bits, Unmade> {
    let ground = ground(pixels, options.background);
    let shade = if ground == Some(Background::Black) { 0.0 } else { pixels.white };
    let (threshold, colours) = match options.threshold {
        None => two_values(pixels, shade)?,
        // A threshold for other pictures does not make one of two colours blank.
        Some(threshold) => match two_values(pixels, shade) {
            Ok((own, Some(colours))) if !(pixels.luma(colours.darker) < threshold && threshold <= own) => {
                (own, Some(colours))
            }
            _ => (threshold, None),
        },
    };
    let mut bits = with_room(pixels.len())?;
    let is_on = |pixel| pixels.luma(pixels.colour(pixel, shade)) >= threshold;
    bits.extend((0..pixels.len()).map(|pixel| is_on(pixel) == (options.ink == Ink::White)));
    let image = Array2::from_shape_vec((pixels.height, pixels.width), bits);
    let image = image.map_err(|error| Fault::Message(error.to_string()))?;
    let (bitmap, _) = Bitmap::pack(&image).map_err(|error| Fault::Message(error.to_string()))?;
    Ok(Bits { bitmap, colours, ground })
}

/// The ground of a picture that has pixels that are not opaque. Where none is chosen it is white, unless nothing could be seen on it.
fn ground(pixels: &Pixels, chosen: Background) -> Option<Background> {
    if !pixels.layout.has_alpha() || (0..pixels.len()).all(|pixel| pixels.alpha(pixel) == pixels.white) {
        return None;
    }
    if chosen != Background::Contrast {
        return Some(chosen);
    }
    let is_seen = |pixel| pixels.alpha(pixel) > 0.0;
    let is_white = |pixel| pixels.colour(pixel, pixels.white) == [pixels.white; 3];
    let is_lost = (0..pixels.len()).any(is_seen) && (0..pixels.len()).all(is_white);
    Some(if is_lost { Background::Black } else { Background::White })
}

/// The threshold between the values of a picture that has at most two of them, and its colours if they are not black and white.
fn two_values(pixels: &Pixels, ground: f64) -> Result<(f64, Option<TwoColours>), Unmade> {
    let colours = || (0..pixels.len()).map(|pixel| pixels.colour(pixel, ground));
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
        _ => Err(Unmade::Grey(grey(pixels, ground))),
    }
}

fn grey(pixels: &Pixels, ground: f64) -> Grey {
    let luma = |pixel| pixels.luma(pixels.colour(pixel, ground));
    let lumas = || (0..pixels.len()).map(luma);
    let (least, most) = lumas()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), luma| (least.min(luma), most.max(luma)));
    let pixel = lumas().position(|luma| luma != least && luma != most).unwrap_or(0);
    let middle = (least + most) / 2.0;
    let is_whole = least.fract() == 0.0 && most.fract() == 0.0 && most - least >= 1.0;
    Grey {
        pixel: [pixel / pixels.width, pixel % pixels.width],
        found: luma(pixel),
        threshold: if is_whole { middle.ceil() } else { middle },
    }
}
