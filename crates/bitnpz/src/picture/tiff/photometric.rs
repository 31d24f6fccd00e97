//! What the samples of a page mean.

use bitnpz_npy::with_room;

use super::super::fault::Fault;
use super::super::pixels::{Layout, Pixels, Samples};
use super::directory::Directory;
use super::page::{Format, Page, compression};
use super::plane::Values;
use super::tag;

/// What the first samples of a pixel are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    /// Of which the first is luma.
    YCbCr,
}

/// Whether a sample behind the colours says how opaque a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpha {
    None,
    /// The colours are as dark as the pixel is transparent.
    Associated,
    Unassociated,
}

/// Makes pixels of the values of a page.
pub(super) fn pixels(directory: &Directory<'_>, page: &Page, values: Values) -> Result<Pixels, Fault> {
    let meaning = meaning(directory, page)?;
    let colours = match meaning {
        Meaning::WhiteIsZero | Meaning::BlackIsZero | Meaning::Palette => 1,
        Meaning::Rgb | Meaning::YCbCr => 3,
        Meaning::Cmyk => 4,
    };
    if page.samples < colours {
        return Err(Fault::Message(format!(
            "expected {colours} samples for each pixel, found {}",
            page.samples
        )));
    }
    if meaning == Meaning::Palette {
        return palette(directory, page, &values);
    }
    let alpha = match directory.number(tag::EXTRA_SAMPLES) {
        Some(1) if page.samples > colours => Alpha::Associated,
        Some(2) if page.samples > colours => Alpha::Unassociated,
        _ => Alpha::None,
    };
    let kind = Kind { meaning, alpha, colours, samples: page.samples };
    let layout = match (kind.has_colour(), alpha) {
        (false, Alpha::None) => Layout::Grey,
        (false, _) => Layout::GreyAlpha,
        (true, Alpha::None) => Layout::Rgb,
        (true, _) => Layout::RgbAlpha,
    };
    let (samples, white) = match values {
        Values::U8(values) => {
            let most = f64::from((1_u32 << page.bits) - 1);
            let scale = |value: f64| as_u8(value * 255.0 / most);
            (Samples::U8(kind.convert(&values, most, scale)?), 255.0)
        }
        Values::U16(values) => (Samples::U16(kind.convert(&values, 65535.0, as_u16)?), 65535.0),
        Values::F64(values) => {
            let white = white(page);
            (Samples::F64(kind.convert(&values, white, |value| value)?), white)
        }
    };
    Ok(Pixels { width: page.width, height: page.height, layout, samples, white })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn as_u8(value: f64) -> u8 {
    value.round() as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn as_u16(value: f64) -> u16 {
    value.round() as u16
}

/// The largest value of samples of more than 16 bits or with a sign.
fn white(page: &Page) -> f64 {
    match page.format {
        Format::Float => 1.0,
        Format::Signed => 2_f64.powi(page.bits.cast_signed() - 1) - 1.0,
        Format::Unsigned => 2_f64.powi(page.bits.cast_signed()) - 1.0,
    }
}

fn meaning(directory: &Directory<'_>, page: &Page) -> Result<Meaning, Fault> {
    let subsampling = directory.numbers(tag::SUBSAMPLING)?;
    Ok(match directory.number(tag::PHOTOMETRIC).unwrap_or(0) {
        0 => Meaning::WhiteIsZero,
        1 | 4 => Meaning::BlackIsZero,
        2 => Meaning::Rgb,
        3 => Meaning::Palette,
        5 => Meaning::Cmyk,
        6 if page.compression == compression::JPEG || subsampling == [1, 1] => Meaning::YCbCr,
        6 => return Err(Fault::unread("a TIFF file of subsampled YCbCr without JPEG")),
        8..=10 => return Err(Fault::unread("a TIFF file in the colours of Lab")),
        other => return Err(Fault::unread(format!("TIFF photometric interpretation {other}"))),
    })
}

/// How pixels are made of the samples of a page.
#[derive(Clone, Copy, Debug)]
struct Kind {
    meaning: Meaning,
    alpha: Alpha,
    /// Samples that are colours.
    colours: usize,
    /// Samples of a pixel.
    samples: usize,
}

impl Kind {
    fn has_colour(self) -> bool {
        matches!(self.meaning, Meaning::Rgb | Meaning::Cmyk)
    }

    /// Converts all pixels, `most` being the largest value.
    fn convert<T: Copy + Into<f64>, U>(
        self,
        values: &[T],
        most: f64,
        sample: impl Fn(f64) -> U,
    ) -> Result<Vec<U>, Fault> {
        let channels = if self.has_colour() { 3 } else { 1 } + usize::from(self.alpha != Alpha::None);
        let mut converted = with_room(values.len() / self.samples * channels)?;
        for pixel in values.chunks_exact(self.samples) {
            let at = |index: usize| -> f64 { pixel[index].into() };
            let alpha = if self.alpha == Alpha::None { most } else { at(self.colours) };
            let straight = |colour: f64| match self.alpha {
                Alpha::Associated if alpha > 0.0 => (colour * most / alpha).min(most),
                _ => colour,
            };
            match self.meaning {
                Meaning::WhiteIsZero => converted.push(sample(straight(most - at(0)))),
                Meaning::Rgb => converted.extend([0, 1, 2].map(|channel| sample(straight(at(channel))))),
                Meaning::Cmyk => {
                    let light = |ink: usize| (most - at(ink)) * (most - at(3)) / most;
                    converted.extend([0, 1, 2].map(|ink| sample(straight(light(ink)))));
                }
                _ => converted.push(sample(straight(at(0)))),
            }
            if self.alpha != Alpha::None {
                converted.push(sample(alpha));
            }
        }
        Ok(converted)
    }
}

/// The colours of a palette: red ones, then green ones, then blue ones.
fn palette(directory: &Directory<'_>, page: &Page, values: &Values) -> Result<Pixels, Fault> {
    let Values::U8(indices) = values else {
        return Err(Fault::unread("a TIFF file with a palette of more than 8 bits"));
    };
    let map = directory.numbers(tag::COLOUR_MAP)?;
    let colours = 1 << page.bits;
    if map.len() < 3 * colours {
        return Err(Fault::Message(format!(
            "expected a palette of {colours} colours, found {}",
            map.len() / 3
        )));
    }
    // Some writers take 8 bits where the specification has 16; libtiff tells them by this.
    let shift = if map.iter().any(|&value| value > 255) { 8 } else { 0 };
    let mut samples = with_room(page.width * page.height * 3)?;
    for &index in indices.iter().step_by(page.samples) {
        let channel = |channel: usize| {
            u8::try_from(map[channel * colours + usize::from(index)] >> shift).unwrap_or(u8::MAX)
        };
        samples.extend([0, 1, 2].map(channel));
    }
    Ok(Pixels::of_u8(page.width, page.height, Layout::Rgb, samples))
}
