//! Packed rows that wait in a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;

use bitnpz_npy::zeros;

use crate::error::Result;

/// A temporary file without a name, which is made when it is needed first.
#[derive(Debug)]
pub(super) struct Spill {
    folder: PathBuf,
    file: Option<File>,
}

impl Spill {
    /// Starts without a file, which will be in this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, file: None }
    }

    /// Adds bytes, and returns where they are.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<Range<u64>> {
        let range = self.append_to_file(bytes).map_err(bitnpz_npz::Error::from);
        Ok(range?)
    }

    fn append_to_file(&mut self, bytes: &[u8]) -> io::Result<Range<u64>> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.folder)?),
        };
        let start = file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)?;
        Ok(start..start + bytes.len() as u64)
    }

    /// Calls `each` with the bytes of a range, so many at a time.
    pub(super) fn read(
        &mut self,
        range: Range<u64>,
        at_once: usize,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(range.start)).map_err(bitnpz_npz::Error::from)?;
        let mut left = range.end - range.start;
        while left > 0 {
            let len = usize::try_from(left).map_or(at_once, |left| left.min(at_once));
            let mut piece = zeros(len)?;
            file.read_exact(&mut piece).map_err(bitnpz_npz::Error::from)?;
            each(&piece)?;
            left -= len as u64;
        }
        Ok(())
    }
}
