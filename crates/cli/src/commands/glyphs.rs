//! Glyphs of fonts, as sample images.

use bitnpz::Bitmap;
use fontdue::{Font, FontSettings};

use crate::failure::Failure;

/// Coverage, of 255, from which a pixel is 1: half.
const HALF_COVERED: u8 = 128;

/// Renders `count` images of `size` x `size` pixels, each with one letter of random size and position. The result is
/// the same every time. The fonts are DejaVu, from the `dejavu` package.
pub(crate) fn render(size: usize, count: usize) -> Result<Vec<Bitmap>, Failure> {
    let fonts = [dejavu::sans::regular(), dejavu::serif::regular(), dejavu::sans_mono::bold()];
    let fonts: Vec<(Font, Vec<char>)> = fonts.into_iter().map(load).collect::<Result<_, _>>()?;
    let mut random = Random(0x5EED);
    let mut images = Vec::with_capacity(count);
    while images.len() < count {
        let (font, letters) = &fonts[random.below(fonts.len())];
        let letter = letters[random.below(letters.len())];
        let height = size as f32 * (0.5 + random.below(50) as f32 / 100.0);
        images.extend(glyph(font, letter, height, size, &mut random));
    }
    Ok(images)
}

/// Loads a font, and lists its letters and digits.
fn load(bytes: &'static [u8]) -> Result<(Font, Vec<char>), Failure> {
    let font = Font::from_bytes(bytes, FontSettings::default())
        .map_err(|error| Failure::Message(error.to_owned()))?;
    let mut letters: Vec<char> =
        font.chars().keys().copied().filter(|letter| letter.is_alphanumeric()).collect();
    letters.sort_unstable();
    Ok((font, letters))
}

/// Draws a letter at a random position; `None` if it would be blank or does not fit.
fn glyph(font: &Font, letter: char, height: f32, size: usize, random: &mut Random) -> Option<Bitmap> {
    let (metrics, coverage) = font.rasterize(letter, height);
    let is_blank = coverage.iter().all(|&covered| covered < HALF_COVERED);
    if metrics.width > size || metrics.height > size || is_blank {
        return None;
    }
    let (left, top) = (random.below(size - metrics.width + 1), random.below(size - metrics.height + 1));
    let mut bitmap = Bitmap::zeros(size, size).ok()?;
    for (number, _) in coverage.iter().enumerate().filter(|&(_, &covered)| covered >= HALF_COVERED) {
        bitmap.set(top + number / metrics.width, left + number % metrics.width, true);
    }
    Some(bitmap)
}

/// A pseudo-random number generator (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((word ^ word >> 31) % limit as u64).expect("less than the limit")
    }
}
