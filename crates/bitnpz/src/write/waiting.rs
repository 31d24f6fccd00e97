//! Stacks that come in batches, in encodings that write a stack in one go.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use bitnpz_npy::make_room;

use super::output::Output;
use super::stack::Stack;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::interrupt;
use crate::names;
use crate::packed::unpack;

/// The packed rows copied at a time from the temporary file to the archive, in bytes.
const COPIED_BYTES: usize = 1 << 20;

/// A stack whose packed rows wait in a temporary file until all are there.
#[derive(Debug)]
pub(super) struct WaitingStack {
    pub(super) stack: Stack,
    /// The packed rows.
    file: File,
    /// Its place in the order of saving.
    place: usize,
}

impl WaitingStack {
    /// Starts to collect a stack in a temporary file in this folder.
    pub(super) fn start(stack: Stack, folder: &Path, place: usize) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).map_err(bitnpz_npz::Error::from)?;
        Ok(Self { stack, file, place })
    }

    /// Adds `count` items, given as bytes.
    pub(super) fn push(&mut self, items: &[u8], count: usize) -> Result<()> {
        let rows = self.stack.push(items, count)?;
        Ok(self.file.write_all(rows).map_err(bitnpz_npz::Error::from)?)
    }

    /// Writes the stack.
    pub(super) fn write(mut self, output: &mut Output, archive_encoding: Encoding) -> Result<()> {
        let (stack, kind, encoding) =
            (&self.stack, self.stack.kind(), self.stack.encoding_in(archive_encoding));
        let (number, head) = (output.zip.len(), stack.header(encoding).to_bytes()?);
        let mut stream = output.zip.stream(&names::of_array(&stack.key), head.clone())?;
        let row_bytes = stack.item_row_bytes();
        let items_at_once = (COPIED_BYTES / row_bytes.max(1)).max(1);
        let mut rows = Vec::new();
        self.file.rewind().map_err(bitnpz_npz::Error::from)?;
        let mut left = stack.shape[0];
        while left > 0 {
            interrupt::check()?;
            // Items without pixels take no time, however many there are.
            let items = if row_bytes == 0 { left } else { left.min(items_at_once) };
            rows.clear();
            make_room(&mut rows, items * row_bytes)?;
            rows.resize(items * row_bytes, 0);
            self.file.read_exact(&mut rows).map_err(bitnpz_npz::Error::from)?;
            let written = match encoding {
                Encoding::Packed => stream.write_all(&rows),
                _ => stream.write_all(&unpack(&rows, kind.width, &kind.dtype, kind.bits)?),
            };
            written.map_err(bitnpz_npz::Error::from)?;
            output.meter.count_images(items * stack.item_images(), items * stack.item_bytes());
            left -= items;
        }
        stream.finish(&head)?;
        match encoding {
            Encoding::Packed => output.ledger.note_packed(number, self.place, kind, stack.images()),
            _ => output.ledger.note_plain(number, self.place, stack.images()),
        }
        Ok(())
    }
}
