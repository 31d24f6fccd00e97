//! The file that an archive is written to, with a meter.

use std::io::{self, Seek, SeekFrom, Write};

use bitnpz_npz::AtomicFile;

use crate::progress::Meter;

/// The file that an archive is written to; it tells a meter how long it has become.
#[derive(Debug)]
pub(super) struct MeteredFile {
    file: AtomicFile,
    position: u64,
    meter: Meter,
}

impl MeteredFile {
    pub(super) fn new(file: AtomicFile, meter: Meter) -> Self {
        Self { file, position: 0, meter }
    }

    /// Returns the file, with everything that was written.
    pub(super) fn into_file(self) -> AtomicFile {
        self.file
    }
}

impl Write for MeteredFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.position += written as u64;
        self.meter.record_bytes(self.position);
        self.meter.report();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for MeteredFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(position)?;
        Ok(self.position)
    }
}
