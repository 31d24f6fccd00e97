//! Options for reading pictures.

/// Which pixels become the bit 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Polarity {
    /// White pixels, as in the array that NumPy makes of a black-and-white PIL image.
    #[default]
    WhiteIsOne,
    /// Black pixels.
    BlackIsOne,
}

/// The background that transparent pixels are composited over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// White, or black if every visible pixel of the picture would be lost on white.
    #[default]
    Contrast,
    /// White.
    White,
    /// Black.
    Black,
}

/// How a picture is made bilevel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The brightness from which on a pixel is white, in the picture's own values: 0 to 255 for samples of at most 8 bits, 0 to
    /// 65,535 for samples of 16 bits. The brightness of a colour is its Rec. 601 luma, as in Pillow and OpenCV. Without a
    /// threshold only pictures of two colours are read, and the lighter one is white.
    pub threshold: Option<f64>,
    /// Which pixels become the bit 1.
    pub polarity: Polarity,
    /// The background of pixels that are not opaque.
    pub background: Background,
    /// The limit in bytes for the file, and again for the samples decoded from it.
    pub picture_bytes: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            threshold: None,
            polarity: Polarity::default(),
            background: Background::default(),
            picture_bytes: 1 << 30,
        }
    }
}

impl ReadOptions {
    /// Sets the brightness from which on a pixel is white.
    #[must_use]
    pub fn with_threshold(mut self, threshold: impl Into<f64>) -> Self {
        self.threshold = Some(threshold.into());
        self
    }

    /// Sets which pixels become the bit 1.
    #[must_use]
    pub fn with_polarity(mut self, polarity: Polarity) -> Self {
        self.polarity = polarity;
        self
    }

    /// Sets the background of pixels that are not opaque.
    #[must_use]
    pub fn with_background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// Sets the limit in bytes for the file, and again for the samples decoded from it.
    #[must_use]
    pub fn with_picture_bytes(mut self, bytes: u64) -> Self {
        self.picture_bytes = bytes;
        self
    }
}
