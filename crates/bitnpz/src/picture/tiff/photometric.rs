//! Converting the samples of a page to pixels.

use bitnpz_npy::with_room;

use super::super::fault::Fault;
use super::super::raster::{PixelLayout, Raster, Samples};
use super::directory::TiffDirectory;
use super::page::{Page, SampleFormat, compression};
use super::tag;

/// The colour space of the samples: TIFF's PhotometricInterpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    /// Only the first sample, luma, is used.
    YCbCr,
}

/// The meaning of the first sample behind the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpha {
    None,
    /// The colours are multiplied by the opacity.
    Associated,
    Unassociated,
}

/// Converts the samples of a page to pixels.
pub(super) fn to_raster(
    directory: &TiffDirectory<'_>,
    page: &Page,
    values: Samples,
) -> Result<Raster, Fault> {
    let photometric = photometric(directory, page)?;
    let colours = match photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette => 1,
        Photometric::Rgb | Photometric::YCbCr => 3,
        Photometric::Cmyk => 4,
    };
    if page.samples < colours {
        return Err(Fault::Message(format!(
            "expected {colours} samples per pixel in the TIFF file, found {}",
            page.samples
        )));
    }
    if photometric == Photometric::Palette {
        return palette(directory, page, &values);
    }
    let alpha = match directory.number(tag::EXTRA_SAMPLES) {
        Some(1) if page.samples > colours => Alpha::Associated,
        Some(2) if page.samples > colours => Alpha::Unassociated,
        _ => Alpha::None,
    };
    let converter = PixelConverter { photometric, alpha, colours, samples: page.samples };
    let layout = match (converter.has_colour(), alpha) {
        (false, Alpha::None) => PixelLayout::Grey,
        (false, _) => PixelLayout::GreyAlpha,
        (true, Alpha::None) => PixelLayout::Rgb,
        (true, _) => PixelLayout::RgbAlpha,
    };
    let (samples, white) = match values {
        Samples::U8(values) => {
            let max = f64::from((1_u32 << page.bits) - 1);
            let scale = |value: f64| as_u8(value * 255.0 / max);
            (Samples::U8(converter.convert(&values, max, scale)?), 255.0)
        }
        Samples::U16(values) => (Samples::U16(converter.convert(&values, 65535.0, as_u16)?), 65535.0),
        Samples::F64(values) => {
            let white = white(page);
            (Samples::F64(converter.convert(&values, white, |value| value)?), white)
        }
    };
    Ok(Raster { width: page.width, height: page.height, layout, samples, white })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn as_u8(value: f64) -> u8 {
    value.round() as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn as_u16(value: f64) -> u16 {
    value.round() as u16
}

/// Returns the value of white for samples that are floats, signed or of more than 16 bits.
fn white(page: &Page) -> f64 {
    match page.format {
        SampleFormat::Float => 1.0,
        SampleFormat::Signed => 2_f64.powi(page.bits.cast_signed() - 1) - 1.0,
        SampleFormat::Unsigned => 2_f64.powi(page.bits.cast_signed()) - 1.0,
    }
}

fn photometric(directory: &TiffDirectory<'_>, page: &Page) -> Result<Photometric, Fault> {
    let subsampling = directory.numbers(tag::SUBSAMPLING)?;
    Ok(match directory.number(tag::PHOTOMETRIC).unwrap_or(0) {
        0 => Photometric::WhiteIsZero,
        1 | 4 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        5 => Photometric::Cmyk,
        6 if page.compression == compression::JPEG || subsampling == [1, 1] => Photometric::YCbCr,
        6 => return Err(Fault::unsupported("a TIFF file of subsampled YCbCr without JPEG compression")),
        8..=10 => return Err(Fault::unsupported("a TIFF file in a Lab colour space")),
        other => return Err(Fault::unsupported(format!("TIFF photometric interpretation {other}"))),
    })
}

/// Converts the samples of a pixel to grey or RGB, with or without alpha.
#[derive(Clone, Copy, Debug)]
struct PixelConverter {
    photometric: Photometric,
    alpha: Alpha,
    /// The samples per pixel that are colours.
    colours: usize,
    /// All samples per pixel.
    samples: usize,
}

impl PixelConverter {
    fn has_colour(self) -> bool {
        matches!(self.photometric, Photometric::Rgb | Photometric::Cmyk)
    }

    /// Converts all pixels; `max` is the value of white.
    fn convert<T: Copy + Into<f64>, U>(
        self,
        values: &[T],
        max: f64,
        sample: impl Fn(f64) -> U,
    ) -> Result<Vec<U>, Fault> {
        let channels = if self.has_colour() { 3 } else { 1 } + usize::from(self.alpha != Alpha::None);
        let mut converted = with_room(values.len() / self.samples * channels)?;
        for pixel in values.chunks_exact(self.samples) {
            let at = |index: usize| -> f64 { pixel[index].into() };
            let alpha = if self.alpha == Alpha::None { max } else { at(self.colours) };
            let straight = |colour: f64| match self.alpha {
                Alpha::Associated if alpha > 0.0 => (colour * max / alpha).min(max),
                _ => colour,
            };
            match self.photometric {
                Photometric::WhiteIsZero => converted.push(sample(straight(max - at(0)))),
                Photometric::Rgb => converted.extend([0, 1, 2].map(|channel| sample(straight(at(channel))))),
                Photometric::Cmyk => {
                    let light = |ink: usize| (max - at(ink)) * (max - at(3)) / max;
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

/// Looks up the colours of pixels in the palette, which has all red values first, then all green, then all blue.
fn palette(directory: &TiffDirectory<'_>, page: &Page, values: &Samples) -> Result<Raster, Fault> {
    let Samples::U8(indices) = values else {
        return Err(Fault::unsupported("a TIFF file with palette indices of more than 8 bits"));
    };
    let map = directory.numbers(tag::COLOUR_MAP)?;
    let colours = 1 << page.bits;
    if map.len() < 3 * colours {
        return Err(Fault::Message(format!(
            "expected a palette of {colours} colours in the TIFF file, found {}",
            map.len() / 3
        )));
    }
    // Some writers use 8 bits where the specification has 16; libtiff detects them the same way.
    let shift = if map.iter().any(|&value| value > 255) { 8 } else { 0 };
    let mut samples = with_room(page.width * page.height * 3)?;
    for &index in indices.iter().step_by(page.samples) {
        let channel = |channel: usize| {
            u8::try_from(map[channel * colours + usize::from(index)] >> shift).unwrap_or(u8::MAX)
        };
        samples.extend([0, 1, 2].map(channel));
    }
    Ok(Raster::from_u8(page.width, page.height, PixelLayout::Rgb, samples))
}
