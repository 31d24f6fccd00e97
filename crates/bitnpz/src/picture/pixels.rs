//! The pixels of a picture that was decoded, in the picture's own values.

use bitnpz_npy::with_room;

use super::fault::Fault;

/// Which samples make a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Grey,
    GreyAlpha,
    Rgb,
    RgbAlpha,
}

impl Layout {
    /// Returns the number of samples of a pixel.
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

/// The samples, pixel by pixel, row by row.
#[derive(Debug)]
pub(super) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
    /// Whole numbers of more bits, numbers with a sign, and fractions.
    F64(Vec<f64>),
}

/// A decoded picture.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) layout: Layout,
    pub(super) samples: Samples,
    /// The sample that is white, and opaque; 0 is black, and transparent.
    pub(super) white: f64,
}

/// The red, green and blue of a pixel.
pub(super) type Colour = [f64; 3];

impl Pixels {
    /// A picture of samples of 8 bits.
    pub(super) fn of_u8(width: usize, height: usize, layout: Layout, samples: Vec<u8>) -> Self {
        Self { width, height, layout, samples: Samples::U8(samples), white: 255.0 }
    }

    /// A picture of samples of 16 bits.
    pub(super) fn of_u16(width: usize, height: usize, layout: Layout, samples: Vec<u16>) -> Self {
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

    /// Returns how opaque a pixel is, from 0 to `white`.
    pub(super) fn alpha(&self, pixel: usize) -> f64 {
        let channels = self.layout.channels();
        if self.layout.has_alpha() { self.sample(pixel * channels + channels - 1) } else { self.white }
    }

    /// Returns the colour of a pixel that lies on a ground of this brightness.
    pub(super) fn colour(&self, pixel: usize, ground: f64) -> Colour {
        let first = pixel * self.layout.channels();
        let colour = match self.layout {
            Layout::Grey | Layout::GreyAlpha => [self.sample(first); 3],
            Layout::Rgb | Layout::RgbAlpha => [0, 1, 2].map(|channel| self.sample(first + channel)),
        };
        let alpha = self.alpha(pixel);
        if alpha == self.white {
            return colour;
        }
        let mixed = colour.map(|sample| (sample * alpha + ground * (self.white - alpha)) / self.white);
        if self.is_whole() { mixed.map(f64::round) } else { mixed }
    }

    /// Returns the luma of a colour by Rec. 601, as the grey of Pillow and OpenCV has it.
    pub(super) fn luma(&self, [red, green, blue]: Colour) -> f64 {
        if red == green && green == blue {
            return red;
        }
        if self.is_whole() {
            // Pillow's weights, in parts of 65,536.
            return ((red * 19595.0 + green * 38470.0 + blue * 7471.0 + 32768.0) / 65536.0).floor();
        }
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// Whether samples are whole numbers of at most 16 bits.
    fn is_whole(&self) -> bool {
        !matches!(self.samples, Samples::F64(_))
    }

    /// Returns the picture as it is to be seen, by TIFF's number of how it lies (1 to 8): which row and column is at the top left.
    pub(super) fn turned(self, orientation: u64) -> Result<Self, Fault> {
        if !(2..=8).contains(&orientation) {
            return Ok(self);
        }
        let (width, height) = (self.width, self.height);
        let is_transposed = orientation >= 5;
        let [new_width, new_height] = if is_transposed { [height, width] } else { [width, height] };
        // Which pixel comes to the place (row, column).
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
    fn is_a_picture_turned_as_the_tiff_specification_says() {
        // What lies at row 0 and column 0 of the file is seen at the corner that the number names.
        let corners =
            [(1, 0, 0), (2, 0, 2), (3, 1, 2), (4, 1, 0), (5, 0, 0), (6, 0, 1), (7, 2, 1), (8, 2, 0)];
        for (orientation, row, column) in corners {
            let pixels = Pixels::of_u8(3, 2, Layout::Grey, vec![9, 1, 2, 3, 4, 5]);
            let turned = pixels.turned(orientation).unwrap();
            assert_eq!(turned.colour(row * turned.width + column, 0.0)[0], 9.0, "{orientation}");
        }
    }

    #[test]
    fn is_luma_that_of_rec_601() {
        let pixels = Pixels::of_u8(1, 1, Layout::Rgb, vec![255, 0, 0]);
        assert_eq!(pixels.luma([255.0, 0.0, 0.0]), 76.0);
        assert_eq!(pixels.luma([0.0, 255.0, 0.0]), 150.0);
        assert_eq!(pixels.luma([0.0, 0.0, 255.0]), 29.0);
    }
}
