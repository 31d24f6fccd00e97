//! TIFF.
//!
//! The directories are read here, so that every kind is known by its tags. Strips and tiles are decompressed by `hayro-ccitt` and by
//! the `tiff` crate, which gets them as the plain grey samples of a file that has nothing else in it. What the samples mean is told here
//! again.

mod directory;
mod fax;
mod page;
mod photometric;
mod plane;

use self::directory::Directory;
use self::page::Page;
use super::fault::Fault;
use super::pixels::Pixels;

pub(super) use self::directory::is_tiff;

pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Pixels, Fault> {
    let mut pages = directory::pages(bytes)?;
    // A page of reduced size shows what another page shows.
    if pages.len() > 1 {
        pages.retain(|page| page.number(tag::SUBFILE_TYPE).unwrap_or(0) & 1 == 0);
    }
    match &pages[..] {
        [page] => decode_page(page, limit),
        [] => Err("there is no picture in this TIFF file".into()),
        pages => Err(Fault::Several(pages.len())),
    }
}

fn decode_page(directory: &Directory<'_>, limit: u64) -> Result<Pixels, Fault> {
    let page = Page::new(directory, limit)?;
    let values = plane::values(directory, &page, limit)?;
    photometric::pixels(directory, &page, values)?.turned(directory.number(tag::ORIENTATION).unwrap_or(1))
}

/// Tags by the names that the specification gives them.
mod tag {
    pub(super) const SUBFILE_TYPE: u16 = 254;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const LENGTH: u16 = 257;
    pub(super) const BITS: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTES: u16 = 279;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const T4_OPTIONS: u16 = 292;
    pub(super) const T6_OPTIONS: u16 = 293;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOUR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_LENGTH: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTES: u16 = 325;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const JPEG_TABLES: u16 = 347;
    pub(super) const SUBSAMPLING: u16 = 530;
}
