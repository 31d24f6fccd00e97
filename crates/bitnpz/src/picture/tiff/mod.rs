//! Decoding TIFF files.
//!
//! This module reads the directories itself, because it accepts more combinations of tags than the `tiff` crate does. `hayro-ccitt`
//! decompresses CCITT strips and tiles. The `tiff` crate decompresses all others: it gets them in a file that declares them plain
//! grey samples. [`photometric`] then turns the samples into pixels.

mod directory;
mod fax;
mod page;
mod photometric;
mod plane;
mod tag;

use self::directory::TiffDirectory;
use self::page::Page;
use super::fault::Fault;
use super::raster::Raster;

pub(super) use self::directory::is_tiff;

/// Decodes the only picture of a TIFF file, using at most about `limit` bytes.
pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<Raster, Fault> {
    let mut pages = directory::pages(bytes)?;
    // A page of reduced resolution is a preview of another page.
    if pages.len() > 1 {
        pages.retain(|page| page.number(tag::SUBFILE_TYPE).unwrap_or(0) & 1 == 0);
    }
    match &pages[..] {
        [page] => decode_page(page, limit),
        [] => Err("expected a picture in the TIFF file, found none".into()),
        pages => Err(Fault::Several(pages.len())),
    }
}

fn decode_page(directory: &TiffDirectory<'_>, limit: u64) -> Result<Raster, Fault> {
    let page = Page::new(directory, limit)?;
    let samples = plane::read_samples(directory, &page, limit)?;
    photometric::to_raster(directory, &page, samples)?
        .oriented(directory.number(tag::ORIENTATION).unwrap_or(1))
}
