//! Decoded pictures, in the values of their files.

use bitnpz_npy::with_room;

use super::fault::Fault;

/// The samples that make up a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PixelLayout {
    Grey,
    GreyAlpha,
    Rgb,
    RgbAlpha,
}

impl PixelLayout {
    /// Returns the number of samples per pixel.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::RgbAlpha => 4,
        }
    }

    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::RgbAlpha)
    }
}

/// The samples of a picture, pixel by pixel, row by row.
#[derive(Debug)]
pub(super) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    /// Unsigned integers of more than 16 bits, signed integers and floats.
    F64(Vec<f64>),
}

/// A decoded picture.
#[derive(Debug)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) layout: PixelLayout,
    pub(super) samples: Samples,
    /// The sample that stands for white, and for opaque; 0 stands for black, and for transparent.
    pub(super) white: f64,
}

/// The red, green and blue samples of a pixel.
pub(super) type Colour = [f64; 3];

impl Raster {
    /// Makes a picture of samples of 8 bits.
    pub(super) fn from_u8(width: usize, height: usize, layout: PixelLayout, samples: Vec<u8>) -> Self {
        Self { width, height, layout, samples: Samples::U8(samples), white: 255.0 }
    }

    /// Makes a picture of samples of 16 bits.
    pub(super) fn from_u16(width: usize, height: usize, layout: PixelLayout, samples: Vec<u16>) -> Self {
        Self { width, height, layout, samples: Samples::U16(samples), white: 65535.0 }
    }

    /// Returns the number of pixels.
    pub(super) fn len(&self) -> usize {
        self.width * self.height
    }

    fn sample(&self, index: usize) -> f64 {
        match &self.samples {
            Samples::U8(samples) => samples[index].into(),
            Samples::U16(samples) => samples[index].into(),
            Samples::F64(samples) => samples[index],
        }
    }

    /// Returns the opacity of a pixel, from 0 to `white`.
    pub(super) fn alpha(&self, pixel: usize) -> f64 {
        let channels = self.layout.channels();
        if self.layout.has_alpha() { self.sample(pixel * channels + channels - 1) } else { self.white }
    }

    /// Returns the colour of a pixel composited over a background of this brightness.
    pub(super) fn colour(&self, pixel: usize, background: f64) -> Colour {
        let first = pixel * self.layout.channels();
        let colour = match self.layout {
            PixelLayout::Grey | PixelLayout::GreyAlpha => [self.sample(first); 3],
            PixelLayout::Rgb | PixelLayout::RgbAlpha => [0, 1, 2].map(|channel| self.sample(first + channel)),
        };
        let alpha = self.alpha(pixel);
        if alpha == self.white {
            return colour;
        }
        let mixed = colour.map(|sample| (sample * alpha + background * (self.white - alpha)) / self.white);
        if self.is_whole() { mixed.map(f64::round) } else { mixed }
    }

    /// Returns the Rec. 601 luma of a colour, as Pillow and OpenCV compute it.
    pub(super) fn luma(&self, [red, green, blue]: Colour) -> f64 {
        if red == green && green == blue {
            return red;
        }
        if self.is_whole() {
            // Pillow's weights, in units of 1/65,536.
            return ((red * 19595.0 + green * 38470.0 + blue * 7471.0 + 32768.0) / 65536.0).floor();
        }
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// Returns `true` if samples are unsigned integers of at most 16 bits.
    fn is_whole(&self) -> bool {
        !matches!(self.samples, Samples::F64(_))
    }

    /// Returns the picture rotated and mirrored as the value of TIFF's Orientation tag (1 to 8) says.
    pub(super) fn oriented(self, orientation: u64) -> Result<Self, Fault> {
        if !(2..=8).contains(&orientation) {
            return Ok(self);
        }
        let (width, height) = (self.width, self.height);
        let is_transposed = orientation >= 5;
        let [new_width, new_height] = if is_transposed { [height, width] } else { [width, height] };
        // The pixel that moves to (row, column).
        let source = |row: usize, column: usize| {
            let (y, x) = if is_transposed { (column, row) } else { (row, column) };
            let y = if matches!(orientation, 3 | 4 | 6 | 7) { height - 1 - y } else { y };
            let x = if matches!(orientation, 2 | 3 | 7 | 8) { width - 1 - x } else { x };
            y * width + x
        };
        let channels = self.layout.channels();
        let places = || (0..new_height).flat_map(|row| (0..new_width).map(move |column| (row, column)));
        let order = places().map(|(row, column)| source(row, column) * channels);
        let samples = match self.samples {
            Samples::U8(samples) => Samples::U8(gather(&samples, order, channels)?),
            Samples::U16(samples) => Samples::U16(gather(&samples, order, channels)?),
            Samples::F64(samples) => Samples::F64(gather(&samples, order, channels)?),
        };
        Ok(Self { width: new_width, height: new_height, samples, ..self })
    }
}

fn gather<T: Copy>(
    samples: &[T],
    order: impl Iterator<Item = usize>,
    channels: usize,
) -> Result<Vec<T>, Fault> {
    let mut gathered = with_room(samples.len())?;
    for first in order {
        gathered.extend_from_slice(&samples[first..first + channels]);
    }
    Ok(gathered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orients_as_the_tiff_specification_says() {
        // The orientation, and the row and column to which it moves the pixel at (0, 0).
        let corners =
            [(1, 0, 0), (2, 0, 2), (3, 1, 2), (4, 1, 0), (5, 0, 0), (6, 0, 1), (7, 2, 1), (8, 2, 0)];
        for (orientation, row, column) in corners {
            let pixels = Raster::from_u8(3, 2, PixelLayout::Grey, vec![9, 1, 2, 3, 4, 5]);
            let oriented = pixels.oriented(orientation).unwrap();
            assert_eq!(oriented.colour(row * oriented.width + column, 0.0)[0], 9.0, "{orientation}");
        }
    }

    #[test]
    fn luma_follows_rec_601() {
        let pixels = Raster::from_u8(1, 1, PixelLayout::Rgb, vec![255, 0, 0]);
        assert_eq!(pixels.luma([255.0, 0.0, 0.0]), 76.0);
        assert_eq!(pixels.luma([0.0, 255.0, 0.0]), 150.0);
        assert_eq!(pixels.luma([0.0, 0.0, 255.0]), 29.0);
    }
}
