//! Copying selected keys from one archive to another.

use bitnpz::{Archive, Entry, Item, Writer};

use super::filter::Filter;
use crate::printer::Printer;

/// Copies the items that the filter selects, with a progress bar labelled `what`.
pub(super) fn copy(
    mut writer: Writer,
    archive: &Archive,
    filter: &Filter,
    what: &'static str,
    printer: &Printer,
) -> bitnpz::Result<Writer> {
    let mut images = 0;
    if printer.shows_progress() {
        for entry in archive.entries() {
            let entry = entry?;
            images += if filter.selects(entry.key()) { count_images(&entry) } else { 0 };
        }
    }
    let bar = printer.writer_progress(&mut writer, 0, images, what);
    for item in archive.items() {
        match item? {
            Item::Array(entry) if filter.selects(entry.key()) => drop(writer.add_entry(&entry)?),
            Item::Other(other) if filter.selects(other.name()) => writer.add_other(&other)?,
            _ => {}
        }
    }
    bar.finish_and_clear();
    Ok(writer)
}

/// Returns the number of images under a key, as far as the header tells.
pub(super) fn count_images(entry: &Entry<'_>) -> u64 {
    entry.image_count().unwrap_or_else(|| entry.shape().iter().rev().skip(2).product()) as u64
}
