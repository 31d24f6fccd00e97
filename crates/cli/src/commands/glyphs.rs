//! Glyphs of fonts, as images to try things on.

use bitnpz::Bitmap;
use fontdue::{Font, FontSettings};

use crate::failure::Failure;

/// Renders so many images of `size` x `size` pixels, each a letter of a size and at a place of its own, the same
/// every time. The fonts are DejaVu, which ship inside the `dejavu` package.
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

/// A font, and the letters of alphabets that it has.
fn load(bytes: &'static [u8]) -> Result<(Font, Vec<char>), Failure> {
    let font = Font::from_bytes(bytes, FontSettings::default())
        .map_err(|error| Failure::Message(error.to_owned()))?;
    let mut letters: Vec<char> =
        font.chars().keys().copied().filter(|letter| letter.is_alphanumeric()).collect();
    letters.sort_unstable();
    Ok((font, letters))
}

/// One letter somewhere in an image; nothing if it has no ink or does not fit.
fn glyph(font: &Font, letter: char, height: f32, size: usize, random: &mut Random) -> Option<Bitmap> {
    let (metrics, coverage) = font.rasterize(letter, height);
    if metrics.width > size || metrics.height > size || coverage.iter().all(|&covered| covered < 128) {
        return None;
    }
    let (left, top) = (random.below(size - metrics.width + 1), random.below(size - metrics.height + 1));
    let mut bitmap = Bitmap::zeros(size, size).ok()?;
    for (number, _) in coverage.iter().enumerate().filter(|&(_, &covered)| covered >= 128) {
        bitmap.set(top + number / metrics.width, left + number % metrics.width, true);
    }
    Some(bitmap)
}

/// Numbers that look random and are the same every time (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((word ^ word >> 31) % limit as u64).expect("less than the limit")
    }
}
