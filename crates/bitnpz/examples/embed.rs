//! Keeps an archive inside the program: a font of 95 characters that draws text in the terminal.
//!
//!     cargo run -p bitnpz --example embed -- "Hello, world"
//!
//! `font.npz` was made by `examples/make_font.py`. An archive that comes from elsewhere, a network or a database, is
//! opened in the same way from the bytes received; `Limits` bound what it may ask for.

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;

use bitnpz::{Archive, OpenOptions};

static FONT: &[u8] = include_bytes!("font.npz");

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "bitnpz".to_owned());
    let mut options = OpenOptions::default();
    options.limits.image_bytes = 1 << 16;
    let font = Archive::from_slice_with(FONT, &options)?;
    let glyphs = font.images("glyphs")?;

    let mut lines = vec![String::new(); glyphs.image_size().map_or(0, |[height, _]| height)];
    for character in text.chars() {
        let number = u32::from(character).checked_sub(u32::from(' ')).map(|number| number as usize);
        let number = number.filter(|&number| number < glyphs.len());
        let number = number.ok_or_else(|| format!("expected ASCII text, found {character:?}"))?;
        let glyph = glyphs.read::<bool>(number)?;
        for (line, row) in lines.iter_mut().zip(glyph.outer_iter()) {
            line.extend(row.iter().map(|&pixel| if pixel { '#' } else { ' ' }));
        }
    }
    for line in lines {
        println!("{}", line.trim_end());
    }
    Ok(())
}
